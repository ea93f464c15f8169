"""Candles of a hundred crypto exchanges, by the library ccxt."""

import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from connectors._asked import millis, reached, wrong
from connectors._candles import settled
from connectors._licence import Licence
from forecaster.errors import ConfigError, MissingPackage, SourceError, unknown_name
from forecaster.series.delivered import gathered, table
from forecaster.series.frequency import parse_duration
from forecaster.series.secret import secret
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Ccxt"]

_LICENCE = Licence("terms of the exchange", "Source: the exchange named in tag `exchange`", "own use", "no")

log = logging.getLogger(__name__)

_FIELDS = {"open": 1, "high": 2, "low": 3, "close": 4, "volume": 5}
_UNITS = {"s": "s", "m": "min", "h": "h", "d": "D", "w": "W"}
_AGAIN = {"maxRetriesOnFailure": 4, "maxRetriesOnFailureDelay": 1000}
"""ccxt's own retries of what may pass: how many, and milliseconds between them."""


class Ccxt(Timed):
    """Candles of pairs at one exchange; a series is called `kraken:BTC/USD/close`.

    The library stays within the exchange's limit of calls, and repeats calls that failed for a passing reason. For Binance
    the connector `binance` needs no library.

    Shapes:  `ds` is when a candle opens, in UTC; only candles that closed before the run are read
    Units:   prices in the quote currency, volume in the base currency
    Missing: a span without a trade has no candle, and so no row
    Fails:   on exchanges that keep a short history (Kraken: 720 candles); older candles cannot be read, and the log says so
    Raises:  ConfigError for an exchange or pair that the library does not know
    """

    needs = ("ccxt",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        exchange: str = ""
        """As ccxt calls it: kraken, coinbase, bybit."""
        symbols: list[str] = field(default_factory=list)
        """Pairs as ccxt writes them: BTC/USDT."""
        fields: list[str] = field(default_factory=lambda: ["close", "volume"])
        """Which of open, high, low, close, volume."""
        interval: str = "1h"
        """Length of a candle, as the exchange has it: 1m, 5m, 1h, 1d, 1w."""
        page: int = 500
        """Candles in one answer; exchanges give fewer where they allow fewer."""
        key: str = ""
        """Name of the secret with the key, for exchanges that want one."""
        password: str = ""
        """Name of the secret that belongs to the key."""
        options: dict[str, Any] = field(default_factory=dict)
        """Further options of ccxt's exchange."""
        url: str = ""
        """Another host that speaks as the exchange does."""

        def __post_init__(self) -> None:
            super().__post_init__()
            unknown = [name for name in self.fields if name not in _FIELDS]
            if unknown or not self.fields:
                raise ValueError(f"fields are some of {', '.join(_FIELDS)}, got {self.fields}")
            if not self.interval[:-1].isdigit() or self.interval[-1:] not in _UNITS:
                raise ValueError(f"interval is a number and one of s, m, h, d, w, got '{self.interval}'")
            if self.page < 1:
                raise ValueError(f"page must be at least 1, got {self.page}")

    config: Config

    def __init__(self, config: Config) -> None:
        count, unit = config.interval[:-1], _UNITS[config.interval[-1]]
        self._step = unit if count == "1" else f"{count}{unit}"
        self._length_ms = parse_duration(self._step) // 1000
        super().__init__(replace(config, settle=settled(self._step, config.settle)))

    def check(self, *, reach: bool = False) -> list[str]:
        if importlib.util.find_spec("ccxt") is None:
            return [str(MissingPackage("ccxt", "connector 'ccxt'"))]
        missing = [name for name in ("exchange", "symbols") if not getattr(self.config, name)]
        if missing:
            return [f'option \'{missing[0]}\' is missing, such as exchange = "kraken", symbols = ["BTC/USD"]']
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.symbols

    def discover(self) -> list[SeriesInfo]:
        return [
            SeriesInfo(
                self._name(symbol, name),
                "finance",
                _unit(symbol, name),
                self._step,
                calendar="24/7",
                licence=_LICENCE.name,
                entity=symbol,
                channel=name,
                tags={"exchange": self.config.exchange, "interval": self.config.interval, **_LICENCE.tags()},
            )
            for symbol in self.config.symbols
            for name in self.config.fields
        ]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from gathered(self._tables(piece))

    def _tables(self, piece: Slice) -> Iterator[pa.Table]:
        """A table for each answer, all fields one below the other."""
        for candles in self._pages(piece):
            yield self._table(piece.part, candles)

    def _table(self, symbol: str, candles: Any) -> pa.Table:
        fields = self.config.fields
        opens = candles[:, 0].astype("int64").astype("datetime64[ms]").astype("datetime64[us]")
        names = np.repeat(np.array([self._name(symbol, name) for name in fields], object), len(candles))
        values = np.concatenate([candles[:, _FIELDS[name]] for name in fields])
        return table(names, np.tile(opens, len(fields)), values)

    def _pages(self, piece: Slice) -> Iterator[Any]:
        """Candles of a span, answer by answer; where one is empty the next stretch is asked for."""
        first, last = millis(piece)
        asked_from, found = first, False
        while first <= last:
            candles = self._believed(self._ask(piece, first), piece, first)
            if len(candles):
                if not found and (late := candles[0, 0] - asked_from) >= self._length_ms:
                    log.warning("exchange=%s symbol=%s begins %d ms late", self.config.exchange, piece.part, late)
                found, first = True, int(candles[-1, 0]) + self._length_ms
            else:
                first += self.config.page * self._length_ms
            yield candles[candles[:, 0] <= last]

    def _ask(self, piece: Slice, first: int) -> Any:
        library, exchange = self._library, self._exchange
        try:
            return exchange.fetch_ohlcv(piece.part, self.config.interval, since=first, limit=self.config.page)
        except library.AuthenticationError as error:
            raise ConfigError(f"ccxt '{piece.part}': {self._clean(error)}. Check the key and its secret.") from error
        except (library.BadSymbol, library.BadRequest, library.NotSupported) as error:
            raise ConfigError(
                f"ccxt '{piece.part}': {self._clean(error)}. Check exchange, symbols and interval."
            ) from error
        except library.BaseError as error:
            raise SourceError(f"ccxt '{piece.part}': {self._clean(error)}") from error

    def _believed(self, body: Any, piece: Slice, first: int) -> Any:
        """Candles [rows, 6] of an answer, in order, not before what was asked for."""
        if not isinstance(body, list) or any(len(row) < 6 for row in body):
            raise wrong("ccxt", piece, str(body)[:200], "a list of candles with 6 fields")
        candles = np.array([row[:6] for row in body], float).reshape(-1, 6)
        candles = candles[candles[:, 0] >= first]
        if (np.diff(candles[:, 0]) <= 0).any():
            raise wrong("ccxt", piece, "candles out of order", "each after the one before")
        return candles

    def _clean(self, error: Exception) -> str:
        """ccxt's words: the kind of error says what its message may not."""
        said = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        for value in self._keys.values():
            said = said.replace(value, "***")
        return said

    def _name(self, symbol: str, name: str) -> str:
        return f"{self.config.exchange}:{symbol}/{name}"

    @cached_property
    def _library(self) -> Any:
        try:
            import ccxt  # optional, and seconds to import
        except ModuleNotFoundError as error:
            raise MissingPackage("ccxt", "connector 'ccxt'") from error
        return ccxt

    @cached_property
    def _keys(self) -> dict[str, str]:
        named = {"apiKey": self.config.key, "secret": self.config.password}
        return {option: secret(name, "connector 'ccxt'") for option, name in named.items() if name}

    @cached_property
    def _exchange(self) -> Any:
        name = self.config.exchange
        if name not in self._library.exchanges:
            raise unknown_name("exchange", name, self._library.exchanges)
        options = {**_AGAIN, **self.config.options}
        made = getattr(self._library, name)({"enableRateLimit": True, "options": options, **self._keys})
        if self.config.url:
            made.urls["api"] = _moved(made.urls["api"], self.config.url.rstrip("/"))
        return made


def _moved(addresses: Any, url: str) -> Any:
    """Addresses with another host."""
    if isinstance(addresses, dict):
        return {name: _moved(address, url) for name, address in addresses.items()}
    return url + urlsplit(str(addresses)).path


def _unit(symbol: str, name: str) -> str:
    """The currency in which a field counts: BTC/USDT:USDT has BTC as base, USDT as quote."""
    base, _, quote = symbol.partition("/")
    return base if name == "volume" else quote.partition(":")[0]
