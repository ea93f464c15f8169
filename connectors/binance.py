"""Candles of crypto pairs from Binance: open, high, low, close and volume, closed ones only."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from connectors._asked import millis, reached, wrong
from connectors._candles import settled
from connectors._http import Http, Refused
from connectors._licence import Licence
from connectors._limits import Limit
from forecaster.errors import ConfigError, SourceError
from forecaster.series.delivered import gathered, table
from forecaster.series.frequency import parse_duration
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Binance"]

_LICENCE = Licence("Binance terms of use", "Source: Binance", "own use", "no")

_INTERVALS = {
    "1s": "s",
    "1m": "min",
    **{f"{n}m": f"{n}min" for n in (3, 5, 15, 30)},
    "1h": "h",
    **{f"{n}h": f"{n}h" for n in (2, 4, 6, 8, 12)},
    "1d": "D",
    "3d": "3D",
    "1w": "7D",
}
_FIELDS = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5, "quote_volume": 7, "trades": 8}
_WIDTH, _CLOSES = 12, 6
_WEIGHT = 2
_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY")


class Binance(Timed):
    """Candles of some pairs; a series is called `BTCUSDT/close`.

    Shapes:  `ds` is when a candle opens, in UTC; only candles that closed before the run are read
    Units:   prices in the quote asset, volume in the base asset
    Missing: while the exchange stands still there are no candles, and so no rows
    Fails:   in countries that Binance does not serve (status 451); data-api.binance.vision has the same data for everybody
    Raises:  SourceError if Binance has banned this address (status 418); the message says for how long
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        symbols: list[str] = field(default_factory=list)
        """Pairs as the exchange writes them, such as BTCUSDT."""
        fields: list[str] = field(default_factory=lambda: ["close", "volume"])
        """Which of open, high, low, close, volume, quote_volume, trades."""
        interval: str = "1h"
        """Length of a candle: 1s, 1m 3m 5m 15m 30m, 1h 2h 4h 6h 8h 12h, 1d 3d 1w."""
        page: int = 1000
        """Candles in one answer, at most 1000."""
        weight_a_minute: float = 6000
        """What the exchange allows an address; less where others share it. A call weighs 2."""
        url: str = "https://api.binance.com"
        """Another host that speaks the same, such as https://data-api.binance.vision."""

        def __post_init__(self) -> None:
            super().__post_init__()
            unknown = [name for name in self.fields if name not in _FIELDS]
            if unknown or not self.fields:
                raise ValueError(f"fields are some of {', '.join(_FIELDS)}, got {self.fields}")
            if self.interval not in _INTERVALS:
                raise ValueError(f"interval is one of {', '.join(_INTERVALS)}, got '{self.interval}'")
            if not 1 <= self.page <= 1000:
                raise ValueError(f"page must be 1 to 1000, got {self.page}")

    config: Config

    def __init__(self, config: Config) -> None:
        self._length_ms = parse_duration(_INTERVALS[config.interval]) // 1000
        super().__init__(replace(config, settle=settled(_INTERVALS[config.interval], config.settle)))

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.symbols:
            return ["option 'symbols' is missing, such as [\"BTCUSDT\"]"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.symbols

    def discover(self) -> list[SeriesInfo]:
        return [
            SeriesInfo(
                f"{symbol}/{name}",
                "finance",
                _unit(symbol, name),
                _INTERVALS[self.config.interval],
                calendar="24/7",
                licence=_LICENCE.name,
                entity=symbol,
                channel=name,
                tags={"exchange": "binance", "interval": self.config.interval, **_LICENCE.tags()},
            )
            for symbol in self.config.symbols
            for name in self.config.fields
        ]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from gathered(self._table(piece.part, candles) for candles in self._pages(piece))

    def _pages(self, piece: Slice) -> Iterator[Any]:
        """Answers, until one is not full."""
        first, last = millis(piece)
        while first <= last:
            candles = self._believed(self._ask(piece, first, last), piece, first, last)
            yield candles
            if len(candles) < self.config.page:
                return
            first = int(candles[-1, 0]) + 1

    def _table(self, symbol: str, candles: Any) -> pa.Table:
        """All fields of some candles, one below the other."""
        fields = self.config.fields
        opens = candles[:, 0].astype("datetime64[ms]").astype("datetime64[us]")
        names = np.repeat(np.array([f"{symbol}/{name}" for name in fields], object), len(candles))
        values = np.concatenate([candles[:, _FIELDS[name]].astype(str) for name in fields])
        return table(names, np.tile(opens, len(fields)), values)

    def _ask(self, piece: Slice, first: int, last: int) -> Any:
        asked = {"symbol": piece.part, "interval": self.config.interval, "limit": self.config.page}
        try:
            return self._http.json("/api/v3/klines", {**asked, "startTime": first, "endTime": last}, weight=_WEIGHT)
        except Refused as error:
            if error.status == 418:
                raise SourceError(
                    f"{error}. This address is banned for a while, longer if it goes on asking."
                ) from error
            next_ = "Is it written as the exchange writes it, such as BTCUSDT?"
            if error.status == 451:
                next_ = "This country is not served; https://data-api.binance.vision as `url` has the same data."
            raise ConfigError(f"binance '{piece.part}': {error}. {next_}") from error

    def _believed(self, body: Any, piece: Slice, first: int, last: int) -> Any:
        """Candles [rows, 12] of an answer, in order and within what was asked for."""
        if not isinstance(body, list) or any(not isinstance(row, list) or len(row) != _WIDTH for row in body):
            raise wrong("binance", piece, str(body)[:200], f"a list of candles with {_WIDTH} fields")
        candles = np.array(body, object).reshape(-1, _WIDTH)
        opens, closes = candles[:, 0].astype(np.int64), candles[:, _CLOSES].astype(np.int64)
        if len(opens) and (opens[0] < first or opens[-1] > last or (np.diff(opens) <= 0).any()):
            raise wrong("binance", piece, f"candles from {opens[0]} to {opens[-1]}", f"{first} to {last}, in order")
        if (closes - opens >= self._length_ms).any():
            raise wrong("binance", piece, "candles longer than asked for", self.config.interval)
        return candles

    @cached_property
    def _http(self) -> Http:
        return Http("binance", self.config.url, limits=[Limit(self.config.weight_a_minute, 60)])


def _unit(symbol: str, name: str) -> str:
    """The asset in which a field counts."""
    if name == "trades":
        return "trades"
    quote = next((one for one in _QUOTES if symbol.endswith(one) and symbol != one), "")
    return symbol.removesuffix(quote) if name == "volume" and quote else quote
