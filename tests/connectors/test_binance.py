"""Binance: candles that are over, the exchange's own refusals, and what its fields are."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors.binance import Binance
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Window
from tests.standins.base import Fault
from tests.standins.binance import Binance as Source

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def _started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with Source(tmp_path_factory.mktemp("binance")) as started:
        yield started


@pytest.fixture
def source(_started: Source) -> Source:
    _started.clear()
    _started.weight_limit = (6000.0, 60.0)
    return _started


def _read(source: Source, end: datetime, **more: Any) -> pd.DataFrame:
    connector = Binance(Binance.Config(**{**source.settings(), "start": "2026-03-29", "symbols": ["BTCUSDT"], **more}))
    pieces = connector.plan(Window(end), Done())
    parts = [part for piece in pieces for part in connector.read(piece)]
    return pa.concat_tables(parts).to_pandas() if parts else pd.DataFrame()


def _hours(count: int) -> pd.DataFrame:
    ds = pd.date_range("2026-03-29", periods=count, freq="h", tz="UTC")
    return pd.DataFrame({"unique_id": "BTCUSDT/close", "ds": ds, "y": [float(hour) for hour in range(count)]})


@pytest.mark.parametrize("settle", ["", "1min"])
def test_a_candle_that_is_open_is_left_alone(source: Source, settle: str) -> None:
    """At half past twelve the candle of twelve is open, whatever `settle` says; at one it is over, and is the next."""
    source.put(_hours(24))
    assert _read(source, NOON + timedelta(minutes=30), settle=settle)["ds"].max() == NOON - timedelta(hours=1)
    assert _read(source, NOON + timedelta(minutes=61), settle=settle)["ds"].max() == NOON


def test_no_candle_is_lost_between_two_runs(source: Source) -> None:
    """Runs at odd minutes: what the first one left is where the second one begins."""
    source.put(_hours(24))
    connector = Binance(Binance.Config(**{**source.settings(), "start": "2026-03-29", "symbols": ["BTCUSDT"]}))
    seen: list[float] = []
    spans: list[Any] = []
    for minutes in (17, 95, 96, 240):
        for piece in connector.plan(Window(NOON + timedelta(minutes=minutes)), Done(spans={"BTCUSDT": spans})):
            seen += [float(y) for part in connector.read(piece) for y in part["y"].to_pylist()]
            spans = [(spans[0][0] if spans else piece.start, piece.end)]
    assert seen == [float(hour) for hour in range(16)]


def test_pages_are_followed_to_their_end(source: Source) -> None:
    """25 candles by tens are three calls; exactly ten are two, for the first one could have more behind it."""
    source.put(_hours(25))
    assert len(_read(source, NOON + timedelta(days=2))) == 25
    assert len(source.asked) == 3
    source.clear()
    source.put(_hours(10))
    assert len(_read(source, NOON + timedelta(days=2))) == 10
    assert len(source.asked) == 2


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (
            Fault(418, body='{"code":-1003,"msg":"IP banned until 1774785600000."}'),
            SourceError,
            "banned until.*a while",
        ),
        (Fault(451, body="restricted location"), ConfigError, "data-api.binance.vision"),
        (Fault(400, body='{"code":-1121,"msg":"Invalid symbol."}'), ConfigError, "'BTCUSDT'.*Invalid symbol"),
        (Fault(200, body='[[1, "2"]]'), SourceError, "candles with 12 fields"),
        (Fault(200, body="[[0,1,1,1,1,1,1,1,1,1,1,1]]"), SourceError, "candles from 0 to 0, expected 1774742400000"),
    ],
)
def test_what_the_exchange_refuses_is_said_with_the_next_step(
    source: Source, fault: Fault, kind: type[Exception], said: str
) -> None:
    """A ban is their move, a symbol or a country the user's; a wrong candle is nobody's data."""
    source.put(_hours(1))
    source.fault(fault)
    with pytest.raises(kind, match=said):
        _read(source, NOON)


def test_a_longer_candle_than_asked_for_is_an_error(source: Source) -> None:
    """Days where hours were asked for."""
    day = 86_400_000
    begin = int(datetime(2026, 3, 29, tzinfo=UTC).timestamp() * 1000)
    source.fault(Fault(200, body=str([[begin, 1, 1, 1, 1, 1, begin + day - 1, 1, 1, 1, 1, 0]])))
    with pytest.raises(SourceError, match="candles longer than asked for, expected 1h"):
        _read(source, NOON)


def test_each_field_is_a_series_with_its_unit() -> None:
    """Prices in the quote asset, volume in the base asset."""
    config = Binance.Config(symbols=["ETHBTC"], fields=["close", "volume", "quote_volume", "trades"], interval="15m")
    infos = Binance(config).discover()
    assert {info.channel: info.unit for info in infos} == {
        "close": "BTC",
        "volume": "ETH",
        "quote_volume": "BTC",
        "trades": "trades",
    }
    assert {(info.step, info.calendar) for info in infos} == {("15min", "24/7")}
