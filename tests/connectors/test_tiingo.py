"""Tiingo: an action changes all the past, at once and not before; a day is read when its corrections are over."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from connectors.tiingo import Tiingo
from forecaster.errors import ConfigError
from forecaster.series.source import Done, Slice, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from tests.standins.base import SECRET
from tests.standins.tiingo import Tiingo as Source


@pytest.fixture(scope="module")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with Source(tmp_path_factory.mktemp("tiingo")) as started:
        started.weight_limit = (50.0, 3600.0)
        yield started


@pytest.fixture
def source(_started: Source, monkeypatch: pytest.MonkeyPatch) -> Source:
    _started.clear()
    monkeypatch.setenv(SECRET, "hunter2hunter2")
    return _started


def _made(source: Source, **more: Any) -> Tiingo:
    return Tiingo(
        Tiingo.Config(**{**source.settings(), "tickers": ["KO"], "start": "2024-01-02", "settle": "25h", **more})
    )


def _put(source: Source, closes: list[float], first: str = "2024-01-02") -> None:
    ds = pd.date_range(first, periods=len(closes), freq="B", tz="UTC")
    source.put(pd.DataFrame({"unique_id": "KO/close", "ds": ds, "y": closes}))


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_split_rewrites_the_adjusted_past_and_nothing_else(source: Source, tmp_path: Path) -> None:
    """Two for one on the fifth day: adjusted prices halve for all days before, raw ones stay, and as of before nothing moved."""
    lake, ledger = Lake(str(tmp_path / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    intake = Intake(lake, ledger, _made(source, fields=["close", "adjClose"], lookback=""), "shares")

    def run(end: str) -> None:
        for piece in intake.pending(Window(_day(end))):
            intake.take_in(piece)

    def values(name: str, **how: Any) -> list[float]:
        return list(lake.read("observations", series=[name], **how)["y"])

    _put(source, [60.0, 62.0, 61.0, 64.0])
    run("2024-01-09")
    before = datetime.now(UTC)
    source.actions["KO", "2024-01-08"] = (0.0, 2.0)
    _put(source, [60.0, 62.0, 61.0, 64.0, 33.0])
    run("2024-01-10")
    assert values("KO/close") == [60, 62, 61, 64, 33]
    assert values("KO/adjClose") == [30, 31, 30.5, 32, 33]
    assert values("KO/adjClose", as_of=before) == [60, 62, 61, 64]
    assert len(values("KO/close", latest=False)) == 5


def test_a_dividend_is_an_action(source: Source) -> None:
    """It is read with the whole history; a day without one is read alone."""
    _put(source, [60.0, 62.0, 61.0, 64.0])
    connector = _made(source)
    piece = Slice("KO", "span", _day("2024-01-04"), _day("2024-01-05"))
    list(connector.read(piece))
    assert len(source.asked) == 1
    source.actions["KO", "2024-01-04"] = (0.46, 1.0)
    list(connector.read(piece))
    assert [request.query_params["startDate"] for request in source.asked[1:]] == ["2024-01-04", "2024-01-02"]


def test_a_day_is_read_when_its_corrections_are_over(source: Source) -> None:
    """New York's day ends at 20:00 there, one in the night UTC."""
    connector = _made(source)
    for hours, last in ((25, "2024-01-03"), (24.9, "2024-01-03")):
        piece = connector.plan(Window(_day("2024-01-03") + timedelta(hours=hours)), Done())[-1]
        assert piece.end is not None
        assert (piece.end >= _day(last)) == (hours >= 25)


def test_a_token_is_named_and_never_shown(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent: the error names it. Wrong: the error says so, without it."""
    piece = Slice("KO", "span", _day("2024-01-04"), _day("2024-01-05"))
    with pytest.raises(ConfigError, match="needs the secret 'NOT_THERE'"):
        list(_made(source, key="NOT_THERE").read(piece))
    monkeypatch.setenv("WRONG", "s3cret-and-wrong")
    with pytest.raises(ConfigError, match="Invalid token") as caught:
        list(_made(source, key="WRONG").read(piece))
    assert "s3cret" not in str(caught.value)


def test_series_say_what_they_are(source: Source) -> None:
    """Unit, calendar, terms, and whether they are adjusted."""
    infos = {info.channel: info for info in _made(source, fields=["close", "adjClose", "volume"]).discover()}
    assert [info.unit for info in infos.values()] == ["USD", "USD", "shares"]
    assert {(info.calendar, info.timezone, info.step) for info in infos.values()} == {("XNYS", "America/New_York", "B")}
    assert [info.tags["adjusted"] for info in infos.values()] == ["false", "true", "false"]
    assert infos["close"].tags["redistribute"] == "no"


def test_an_action_that_is_not_said_is_none() -> None:
    """Null for a split or a dividend, in some days or in all of them, asks for no history."""
    source = Tiingo(Tiingo.Config(tickers=["KO"]))
    for splits, dividends, expected in (
        ([None, None], [None, None], False),
        ([1.0, None], [None, 0.0], False),
        ([None, 2.0], [None, None], True),
        ([None, None], [None, 0.4], True),
    ):
        assert source.has_action(pd.DataFrame({"splitFactor": splits, "divCash": dividends})) == expected
