"""FRED: nothing without its terms, each version known from its release, pages that are whole."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.fred import Fred, _step
from forecaster.errors import ConfigError
from forecaster.series.source import Slice, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from tests.standins.base import SECRET
from tests.standins.fred import Fred as Source


@pytest.fixture(scope="module")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with Source(tmp_path_factory.mktemp("fred")) as started:
        started.weight_limit = (120.0, 60.0)
        yield started


@pytest.fixture
def source(_started: Source, monkeypatch: pytest.MonkeyPatch) -> Source:
    _started.clear()
    monkeypatch.setenv(SECRET, "hunter2hunter2")
    return _started


def _made(source: Source, **more: Any) -> Fred:
    return Fred(Fred.Config(**{**source.settings(), "series": ["GDPC1"], "start": "2000-01-01", **more}))


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


SPAN = Slice("GDPC1", "span", _day("2023-01-01"), _day("2024-01-01"))


def test_nothing_is_asked_before_the_terms_are_accepted(source: Source) -> None:
    """The notice says what the terms forbid and what to read instead; no request leaves."""
    connector = _made(source, accept_terms=False)
    [said] = connector.check(reach=True)
    assert "stored or archived" in said
    assert "connector 'ecb'" in said
    for ask in (connector.discover, lambda: list(connector.read(SPAN))):
        with pytest.raises(ConfigError, match="accept_terms"):
            ask()
    assert source.asked == []


def test_each_version_is_known_when_the_day_of_its_release_is_over(source: Source, tmp_path: Path) -> None:
    """Growth of a third quarter, released thrice (as the BEA does): each is read as of the days that it stood; read twice they stay three."""
    for value, on in (("22506.4", "2023-10-26"), ("22672.9", "2023-11-29"), ("22679.3", "2023-12-21")):
        source.release("GDPC1", "2023-07-01", value, on)
    lake, ledger = Lake(str(tmp_path / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    intake = Intake(lake, ledger, _made(source), "fred")
    for again in (False, True):
        for piece in intake.pending(Window(_day("2024-01-10"), again=again)):
            intake.take_in(piece)
    assert len(lake.read("observations", latest=False)) == 3

    def known(day: str) -> list[float]:
        return list(lake.read("observations", as_of=_day(day))["y"])

    assert known("2023-10-26") == []
    assert known("2023-10-27") == [22506.4]
    assert known("2023-12-01") == [22672.9]
    assert known("2024-01-01") == [22679.3]


def test_a_key_that_is_not_known_is_the_users_move(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """FRED says 400 for it; the message names the secret's place, and not its value."""
    monkeypatch.setenv("WRONG", "s3cret-and-wrong")
    with pytest.raises(ConfigError, match=r"api_key is not registered.*Check the identifier and the secret") as caught:
        list(_made(source, key="WRONG").read(SPAN))
    assert "s3cret" not in str(caught.value)


def test_a_series_says_unit_step_and_terms(source: Source) -> None:
    """As FRED has them."""
    [info] = _made(source).discover()
    assert (info.unit, info.step) == ("Billions of Chained 2017 Dollars", "QS")
    assert info.tags["ml_training_allowed"] == "only with permission"
    assert "not endorsed or certified" in info.tags["attribution"]


@pytest.mark.parametrize(
    ("frequency", "step"),
    [
        ("Daily", "B"),
        ("Daily, 7-Day", "D"),
        ("Weekly, Ending Friday", "W-FRI"),
        ("Biweekly, Ending Wednesday", "2W-WED"),
        ("Monthly", "MS"),
        ("Quarterly, End of Period", "QS"),
        ("Semiannual", "2QS"),
        ("Annual", "YS"),
        ("Not Applicable", ""),
    ],
)
def test_every_frequency_is_a_step(frequency: str, step: str) -> None:
    """As FRED writes them."""
    assert _step(frequency) == step
