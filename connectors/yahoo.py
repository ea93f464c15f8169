"""Daily prices from Yahoo Finance, read by the library yfinance: unofficial, for personal use only, off until accepted."""

import importlib.util
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import pandas as pd

from connectors._asked import days, wrong
from connectors._daily import DailyBars
from connectors._licence import Licence
from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.source import Slice

__all__ = ["Yahoo"]

_TERMS = (
    "Yahoo's terms allow personal use only, the access is unofficial, and it has stood still for weeks more than once. If that "
    "is what you want, set accept_terms = true; else take connector 'tiingo'"
)
_FIELDS = {
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "adj_close": "Adj Close",
    "volume": "Volume",
    "dividends": "Dividends",
    "splits": "Stock Splits",
}


class Yahoo(DailyBars):
    """Daily prices of shares and funds. A series is named by ticker and field, such as `AAPL/close`.

    All of Yahoo's prices are adjusted for splits; `adj_close` is also adjusted for dividends. On a day with a dividend or a
    split, the whole history of the ticker is read again, and changed prices are stored as revisions.

    Shapes:  `ds` is the trading day at the exchange, a calendar date without a time of day
    Units:   the currency of the ticker; volume in shares
    Missing: NaN gives no row; days without trading have no rows
    Fails:   when Yahoo changes its pages, until the library follows
    Raises:  ConfigError while `accept_terms` is false, or for an unknown ticker; SourceError with the library's message
    """

    needs = ("yfinance",)
    licence = Licence("Yahoo terms; personal use only", "Source: Yahoo Finance", "personal use", "no")

    @dataclass(frozen=True, kw_only=True)
    class Config(DailyBars.Config):
        known = tuple(_FIELDS)

        fields: list[str] = field(default_factory=lambda: ["close", "volume", "dividends", "splits"])
        """Fields to read: open, high, low, close, adj_close, volume, dividends, splits."""
        accept_terms: bool = False
        """Set to true if it is for your personal use only, as Yahoo's terms require."""

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.accept_terms:
            return [f"option 'accept_terms' is false. {_TERMS}."]
        if importlib.util.find_spec("yfinance") is None:
            return [str(MissingPackage("yfinance", "connector 'yahoo'"))]
        return super().check(reach=reach)

    def has_action(self, bars: pd.DataFrame) -> bool:
        return bool(((bars["dividends"] > 0) | (bars["splits"] > 0)).any())

    def unit(self, name: str) -> str:
        return "shares" if name == "volume" else ""

    def is_adjusted(self, name: str) -> bool:
        return name not in ("dividends", "splits")

    def bars(self, piece: Slice) -> pd.DataFrame:
        """One row for each trading day."""
        if not self.config.accept_terms:
            raise ConfigError(f"yahoo '{piece.part}': accept_terms is false. {_TERMS}.")
        found = self._asked(piece)
        wanted = ["Dividends", "Stock Splits", *(_FIELDS[name] for name in self.config.fields)]
        absent = [name for name in wanted if len(found) and name not in found]
        if absent:
            raise wrong("yahoo", piece, f"columns {', '.join(map(str, found.columns))}", f"'{absent[0]}' among them")
        bars = found.reindex(columns=list(dict.fromkeys(wanted)))
        # The library gives midnight at the exchange; the day is what it means.
        days_then = pd.DatetimeIndex(found.index).tz_localize(None).normalize().tz_localize("UTC").as_unit("us")
        return bars.assign(ds=days_then).rename(columns={theirs: ours for ours, theirs in _FIELDS.items()})

    def _asked(self, piece: Slice) -> pd.DataFrame:
        library = self._library
        first, last = days(piece)
        span = {"start": first.isoformat(), "end": (last + timedelta(days=1)).isoformat()}
        try:
            bars: pd.DataFrame = library.Ticker(piece.part).history(
                **span, interval="1d", auto_adjust=False, actions=True
            )
        except library.exceptions.YFPricesMissingError:
            return pd.DataFrame(index=pd.DatetimeIndex([]))
        except library.exceptions.YFTzMissingError as error:
            raise ConfigError(f"yahoo '{piece.part}': {error}. Check the ticker.") from error
        except Exception as error:  # the library raises what its own clients raise
            raise SourceError(f"yahoo '{piece.part}': {type(error).__name__}: {error}") from error
        return bars

    @cached_property
    def _library(self) -> Any:
        try:
            import yfinance  # optional, and slow to import
        except ModuleNotFoundError as error:
            raise MissingPackage("yfinance", "connector 'yahoo'") from error
        yfinance.config.debug.hide_exceptions = False
        return yfinance
