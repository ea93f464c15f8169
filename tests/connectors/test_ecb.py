"""The ECB's portal: revisions, versions, and answers that pass for complete."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.ecb import Ecb
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from tests.standins.ecb import Ecb as Source

USD = "EXR.D.USD.EUR.SP00.A"
GDP = "RTD.Q.S0.S.G_GDPM_TO_C.E"


@pytest.fixture(scope="module")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with Source(tmp_path_factory.mktemp("ecb")) as started:
        yield started


@pytest.fixture
def source(_started: Source) -> Source:
    _started.clear()
    return _started


class Stored:
    """A pipeline of this source, its lake and its ledger."""

    def __init__(self, source: Source, folder: Path, **more: Any) -> None:
        self.connector = Ecb(Ecb.Config(**{**source.settings(), **more}))
        self.lake, self.ledger = Lake(str(folder / "lake")), Ledger.open(f"sqlite:///{folder}/ledger.db")

    def run(self, end: str, **how: Any) -> None:
        window = Window(_time(end), **how)
        intake = Intake(self.lake, self.ledger, self.connector, "rates")
        for piece in intake.pending(window):
            intake.take_in(piece)

    def values(self, **how: Any) -> dict[str, float]:
        rows = self.lake.read("observations", **how)
        return dict(zip(rows["ds"].dt.strftime("%Y-%m-%d"), rows["y"], strict=True))


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_revision_is_found_however_old(source: Source, tmp_path: Path) -> None:
    """The second run asks what was updated since the first, and a value of 1999 comes again; the old one stays readable."""
    source.publish(USD, "1999-01-04", 1.1789, _time("2024-01-01"))
    source.publish(USD, "2024-01-02", 1.0956, _time("2024-01-02"))
    stored = Stored(source, tmp_path)
    stored.run("2024-01-03")
    between = datetime.now(UTC)
    source.publish(USD, "1999-01-04", 1.1790, _time("2024-01-04"))
    source.publish(USD, "2024-01-04", 1.0953, _time("2024-01-04"))
    stored.run("2024-01-05")
    assert stored.values() == {"1999-01-04": 1.1790, "2024-01-02": 1.0956, "2024-01-04": 1.0953}
    assert stored.values(as_of=between) == {"1999-01-04": 1.1789, "2024-01-02": 1.0956}
    assert source.asked[-1].query_params["updatedAfter"] == "2024-01-02T00:00:00+00:00"


def test_a_back_fill_asks_for_periods_only(source: Source, tmp_path: Path) -> None:
    """What was updated since belongs to the run that goes on, not to one that goes back."""
    stored = Stored(source, tmp_path)
    source.publish(USD, "2024-01-02", 1.0956)
    stored.run("2024-01-03")
    stored.run("2024-01-03", start=_time("2010-01-01"), again=True)
    assert not any("updatedAfter" in request.query_params for request in source.asked)


def test_every_version_is_known_from_its_own_time(source: Source, tmp_path: Path) -> None:
    """Growth as it was first published, revised, and revised back: each is what was known then, also read twice."""
    for value, at in ((0.3, "2023-10-31"), (0.4, "2023-12-07"), (0.3, "2024-03-08")):
        source.publish(GDP, "2023-Q3", value, _time(at))
    source.publish(GDP, "2023-Q4", 0.0, _time("2024-01-30"))
    stored = Stored(source, tmp_path, keys=["RTD/Q.S0.S.G_GDPM_TO_C.E"], history=True)
    stored.run("2024-06-01")
    known = {
        day: stored.values(as_of=_time(day)).get("2023-07-01") for day in ("2023-10-30", "2023-11-01", "2023-12-31")
    }
    assert known == {"2023-10-30": None, "2023-11-01": 0.3, "2023-12-31": 0.4}
    assert stored.values() == {"2023-07-01": 0.3, "2023-10-01": 0.0}
    assert len(stored.lake.read("observations", latest=False)) == 4


def test_an_answer_that_was_cut_is_not_believed(source: Source) -> None:
    """200 and a last line without its end: the portal did that in 13 of 278 series on 2026-10-03."""
    source.publish(USD, "2024-01-02", 1.0956)
    connector = Ecb(Ecb.Config(**source.settings()))
    [piece] = connector.plan(Window(_time("2024-02-01")), Done())
    for source.cut, said in ((60, r"a line of \d fields"), (1, "a last line without its end")):
        with pytest.raises(SourceError, match=f"got {said}.*the answer was cut"):
            list(connector.read(piece))


def test_nothing_found_is_no_error_and_a_wrong_key_is(source: Source) -> None:
    """404 says both: rows that are not there, and flows and keys that are not."""
    connector = Ecb(Ecb.Config(**source.settings()))
    assert connector.check(reach=True) == []
    [said] = Ecb(Ecb.Config(**{**source.settings(), "keys": ["EXR/D.USD"]})).check(reach=True)
    assert "expecting 5 got 2" in said
    with pytest.raises(ConfigError, match="Check the flow"):
        Ecb(Ecb.Config(**{**source.settings(), "keys": ["EXRATE/D.USD.EUR.SP00.A"]})).discover()


def test_a_wildcard_finds_its_series(source: Source) -> None:
    """And each says its unit, step and calendar."""
    for currency in ("USD", "GBP", "CHF"):
        source.publish(f"EXR.D.{currency}.EUR.SP00.A", "2024-01-02", 1.0)
    infos = Ecb(Ecb.Config(**{**source.settings(), "keys": ["EXR/D..EUR.SP00.A"]})).discover()
    assert {info.unique_id[6:9]: info.unit for info in infos} == {
        "CHF": "CHF for 1 EUR",
        "GBP": "GBP for 1 EUR",
        "USD": "USD for 1 EUR",
    }
    assert {(info.step, info.calendar) for info in infos} == {("B", "TARGET")}
    assert "European Central Bank" in infos[0].tags["attribution"]
