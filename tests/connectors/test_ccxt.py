"""ccxt: a library with the same shape, to see what is asked of it, and the library itself before Binance's stand-in."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors.ccxt import Ccxt
from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.source import Done, Window
from tests.standins.base import Fault
from tests.standins.binance import Binance

HOUR_MS = 3_600_000
MIDNIGHT = datetime(2026, 3, 29, tzinfo=UTC)
BEGIN_MS = int(MIDNIGHT.timestamp() * 1000)


class Fake:
    """An exchange with hours of candles, as the library would give them."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given, self.asked = given, []
        self.urls = {"api": {"public": "https://api.fake.org/v1/public"}}
        self.candles: Callable[[int], Any] = lambda since: []

    def fetch_ohlcv(self, symbol: str, timeframe: str, since: int, limit: int) -> Any:
        self.asked.append((symbol, timeframe, since, limit))
        return self.candles(since)[:limit]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A module of the same shape, with the library's tree of errors."""
    base = type("BaseError", (Exception,), {})
    kinds = ("BadSymbol", "BadRequest", "AuthenticationError", "NotSupported", "RateLimitExceeded")
    errors = {name: type(name, (base,), {}) for name in kinds}
    made = SimpleNamespace(BaseError=base, exchanges=["fake", "kraken"], fake=Fake, **errors)
    monkeypatch.setitem(sys.modules, "ccxt", made)
    return made


def _made(candles: Callable[[int], Any] | None = None, **more: Any) -> Ccxt:
    options = {
        "exchange": "fake",
        "symbols": ["BTC/USD"],
        "start": "2026-03-29",
        "fields": ["close", "volume"],
        "page": 10,
    }
    connector = Ccxt(Ccxt.Config(**{**options, **more}))
    if candles is not None:
        connector._exchange.candles = candles
    return connector


def _read(connector: Ccxt, hours: float) -> pd.DataFrame:
    [piece] = connector.plan(Window(MIDNIGHT + timedelta(hours=hours)), Done())
    parts = list(connector.read(piece))
    return pa.concat_tables(parts).to_pandas() if parts else pd.DataFrame()


def _hours(numbers: range) -> Callable[[int], Any]:
    rows = [[BEGIN_MS + n * HOUR_MS, n, n, n, float(n), 1.0] for n in numbers]
    return lambda since: [row for row in rows if row[0] >= since]


@pytest.mark.usefixtures("library")
def test_pages_are_followed_and_the_open_candle_left() -> None:
    """25 hours and a half by tens: three calls, and the 26th candle is open."""
    connector = _made(_hours(range(30)))
    rows = _read(connector, 25.5)
    close = rows[rows["unique_id"] == "fake:BTC/USD/close"]
    assert close["y"].tolist() == [float(n) for n in range(25)]
    assert [call[2] for call in connector._exchange.asked] == [BEGIN_MS + n * HOUR_MS for n in (0, 10, 20)]


@pytest.mark.usefixtures("library")
def test_a_stretch_without_trades_is_stepped_over() -> None:
    """An exchange that answers nothing for the first ten hours has more after them."""
    rows = [[BEGIN_MS + n * HOUR_MS, 1, 1, 1, float(n), 1] for n in (12, 13)]
    connector = _made(lambda since: [row for row in rows if since <= row[0] < since + 10 * HOUR_MS])
    assert _read(connector, 15)["y"].tolist()[:2] == [12, 13]


@pytest.mark.usefixtures("library")
def test_a_history_that_begins_late_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Kraken keeps 720 candles, whatever is asked for."""
    _read(_made(_hours(range(20, 24))), 24)
    assert "exchange=fake symbol=BTC/USD begins 72000000 ms late" in caplog.text


@pytest.mark.parametrize(
    ("kind", "ours"),
    [("BadSymbol", ConfigError), ("AuthenticationError", ConfigError), ("RateLimitExceeded", SourceError)],
)
def test_errors_of_the_library_are_ours(
    library: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, kind: str, ours: type[Exception]
) -> None:
    """By whose move is next, with the library's words and without the key."""
    monkeypatch.setenv("EXCHANGE_KEY", "k-123")

    def fails(since: int) -> Any:
        raise getattr(library, kind)("fake does not like k-123")

    with pytest.raises(ours, match=rf"ccxt 'BTC/USD': {kind}: fake does not like \*\*\*"):
        _read(_made(fails, key="EXCHANGE_KEY"), 5)


@pytest.mark.usefixtures("library")
def test_the_library_keeps_the_limits_and_another_host_is_possible() -> None:
    """Its own limits and retries are on; the path of the address stays."""
    exchange = _made(url="http://127.0.0.1:1/")._exchange
    assert exchange.given["enableRateLimit"] is True
    assert exchange.given["options"]["maxRetriesOnFailure"] == 4
    assert exchange.urls["api"] == {"public": "http://127.0.0.1:1/v1/public"}


@pytest.mark.usefixtures("library")
def test_wrong_candles_are_no_data() -> None:
    """Out of order, or with fields missing."""
    for candles, said in (([[BEGIN_MS, 1, 1]], "6 fields"), ([[BEGIN_MS, *[1] * 5]] * 2, "out of order")):
        with pytest.raises(SourceError, match=said):
            _read(_made(lambda since, given=candles: given), 5)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it."""
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(MissingPackage, match=r"connector 'ccxt' needs the package 'ccxt'.*pip install"):
        _read(Ccxt(Ccxt.Config(exchange="kraken", symbols=["BTC/USD"], start="2026-03-29")), 5)


def test_a_series_says_what_it_is() -> None:
    """Currencies of the pair; terms of the exchange."""
    infos = Ccxt(Ccxt.Config(exchange="kraken", symbols=["ETH/BTC"], interval="5m")).discover()
    assert {info.unique_id: (info.unit, info.step) for info in infos} == {
        "kraken:ETH/BTC/close": ("BTC", "5min"),
        "kraken:ETH/BTC/volume": ("ETH", "5min"),
    }


@pytest.fixture(scope="module")
def binance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Binance]:
    with Binance(tmp_path_factory.mktemp("binance")) as started:
        started.weight_limit = (6000.0, 60.0)
        yield started


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ccxt") is None, reason="needs the extra ccxt")
def test_the_library_itself_reads_binances_stand_in(binance: Binance) -> None:
    """Markets, pages, an answer of 500 between: the same candles come; a pair that is not there is the user's move."""
    ds = pd.date_range(MIDNIGHT, periods=25, freq="h")
    binance.put(pd.DataFrame({"unique_id": "BTCUSDT/close", "ds": ds, "y": [float(n) for n in range(25)]}))
    options = {"fetchMarkets": {"types": ["spot"]}, "maxRetriesOnFailureDelay": 1}
    more = {"exchange": "binance", "url": binance.url, "symbols": ["BTC/USDT"], "fields": ["close"], "options": options}
    binance.fault(Fault(500))
    rows = _read(_made(**more), 30)
    assert rows["y"].tolist() == [float(n) for n in range(25)]
    assert rows["ds"].tolist() == ds.tolist()
    with pytest.raises(ConfigError, match="ccxt 'NO/WHERE': BadSymbol"):
        _read(_made(**{**more, "symbols": ["NO/WHERE"]}), 30)
    with pytest.raises(ConfigError, match=r"unknown exchange 'krakn'. Did you mean 'kraken'\?"):
        _read(_made(**{**more, "exchange": "krakn"}), 30)
