"""An exchange as the library ccxt meets it: the library itself, before Binance's stand-in."""

from typing import Any, ClassVar

import pandas as pd

from tests.standins.binance import Binance

__all__ = ["Exchange"]

_ITS_CLOCK = "the library counts and waits by a clock of its own, which no test can move"
_SYMBOLS = ("BTC/USDT", "ETH/USDT")


class Exchange(Binance):
    """Closing prices of two pairs, called as the library calls them."""

    weight_limit: ClassVar = (1e9, 60.0)
    lacks: ClassVar = {
        **Binance.lacks,
        "too_many_requests": _ITS_CLOCK,
        "too_many_requests_without_a_wait": _ITS_CLOCK,
        "weight_budget": _ITS_CLOCK,
    }

    def settings(self) -> dict[str, Any]:
        options = {"fetchMarkets": {"types": ["spot"]}, "maxRetriesOnFailureDelay": 1}
        more = {"page": self.page, "start": "1970-01-01", "options": options}
        return {"url": self.url, "exchange": "binance", "symbols": list(_SYMBOLS), "fields": ["close"], **more}

    def names(self) -> list[str]:
        return [f"binance:{symbol}/close" for symbol in _SYMBOLS]

    def times(self, since: str, count: int) -> pd.DatetimeIndex:
        """The library takes a time of 0 for none."""
        ds = super().times(since, count)
        return ds + pd.Timedelta(1, self.step) if ds[0] == pd.Timestamp(0, tz="UTC") else ds

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "symbols": [name]}

    def put(self, rows: pd.DataFrame) -> None:
        theirs = rows["unique_id"].str.removeprefix("binance:").str.replace("/", "", n=1)
        super().put(rows.assign(unique_id=theirs))
