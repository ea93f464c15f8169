"""End-of-day prices of shares and funds from Tiingo: raw and adjusted, with dividends and splits."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from connectors._asked import days, wrong
from connectors._daily import DailyBars
from connectors._http import Http, Refused
from connectors._licence import Licence
from connectors._limits import Limit
from forecaster.errors import ConfigError
from forecaster.series.secret import secret
from forecaster.series.source import Slice

__all__ = ["Tiingo"]

_PRICES = ("open", "high", "low", "close", "adjOpen", "adjHigh", "adjLow", "adjClose", "divCash")
_FIELDS = (*_PRICES, "volume", "adjVolume", "splitFactor")


class Tiingo(DailyBars):
    """Daily prices of shares and funds. A series is named by ticker and field, such as `AAPL/close`.

    Raw prices never change. Every dividend and split changes all past adjusted prices. So, on a day with a dividend or a
    split, the whole history of the ticker is read again, as Tiingo recommends. Changed prices are stored as revisions; a
    read as of the day before still gives the old ones.

    Shapes:  `ds` is the trading day, a calendar date without a time of day; it is read an hour after corrections end in New
        York (20:00)
    Units:   the currency of the ticker, mostly US dollars; volume in shares
    Missing: null gives no row; days without trading have no rows
    Raises:  ConfigError for a ticker or token that Tiingo does not know
    """

    licence = Licence("Tiingo terms; internal use on the free tier", "Source: Tiingo", "own use", "no")

    @dataclass(frozen=True, kw_only=True)
    class Config(DailyBars.Config):
        known = _FIELDS

        fields: list[str] = field(default_factory=lambda: ["close", "volume", "divCash", "splitFactor"])
        """Fields to read: open, high, low, close, volume, their adjusted forms (adjClose, ...), divCash (dividend),
        splitFactor."""
        key: str = "TIINGO_TOKEN"
        """Name of the secret (`series/secret.py`) that holds the API token."""
        calls_an_hour: float = 50
        """Most requests an hour that the plan allows; 50 on the free plan."""
        url: str = "https://api.tiingo.com"
        """Address of the server; change it for another server with the same API."""

    config: Config

    def has_action(self, bars: pd.DataFrame) -> bool:
        splits, dividends = (pd.to_numeric(bars[name]) for name in ("splitFactor", "divCash"))
        return bool(((splits.fillna(1) != 1) | (dividends > 0)).any())

    def unit(self, name: str) -> str:
        return "USD" if name in _PRICES else "shares" if "olume" in name else ""

    def is_adjusted(self, name: str) -> bool:
        return name.startswith("adj")

    def bars(self, piece: Slice) -> pd.DataFrame:
        """One row for each trading day, in order."""
        first, last = days(piece)
        asked = {"startDate": first.isoformat(), "endDate": last.isoformat(), "format": "json"}
        try:
            body = self._http.json(f"/tiingo/daily/{piece.part}/prices", asked)
        except Refused as error:
            raise ConfigError(
                f"tiingo '{piece.part}': {error}. Check the ticker; Tiingo writes BRK-B, not BRK.B."
            ) from error
        return self._believed(body, piece)

    def _believed(self, body: Any, piece: Slice) -> pd.DataFrame:
        """Rows of an answer, after checking that all fields are there and that the days are those asked for."""
        wanted = {"date", "divCash", "splitFactor", *self.config.fields}
        if not isinstance(body, list) or any(not isinstance(bar, dict) or not wanted <= set(bar) for bar in body):
            raise wrong("tiingo", piece, str(body)[:200], f"a list of bars with {', '.join(sorted(wanted))}")
        first, last = days(piece)
        strange = [bar["date"] for bar in body if not first.isoformat() <= str(bar["date"])[:10] <= last.isoformat()]
        if strange:
            raise wrong("tiingo", piece, f"a bar of {strange[0]}", f"{first} to {last}")
        bars = pd.DataFrame(body, columns=sorted(wanted))
        ds = pd.to_datetime(bars["date"].str[:10], utc=True).astype("datetime64[us, UTC]")
        return bars.assign(ds=ds).drop_duplicates("ds", keep="last").sort_values("ds")

    @cached_property
    def _http(self) -> Http:
        token = secret(self.config.key, "connector 'tiingo'")
        limits = [Limit(self.config.calls_an_hour, 3_600)]
        headers = {"Authorization": f"Token {token}"}
        return Http("tiingo", self.config.url, headers=headers, limits=limits, secrets=[token])
