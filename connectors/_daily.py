"""Daily bars of tickers, whose adjusted prices change for all the past with every dividend and split."""

from abc import abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pandas as pd
import pyarrow as pa

from connectors._asked import ends, reached
from connectors._licence import Licence
from forecaster.series.delivered import table
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed, first_time

__all__ = ["DailyBars"]


class DailyBars(Timed):
    """A series is called `AAPL/close`. A day with an action is read together with the ticker's whole history."""

    licence: ClassVar[Licence]

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        known: ClassVar[Collection[str]] = ()
        """Parts of a bar that the source has."""

        tickers: list[str] = field(default_factory=list)
        """As the source writes them: AAPL, SPY."""
        fields: list[str] = field(default_factory=lambda: ["close", "volume"])
        """Parts of a bar that become series."""
        calendar: str = "XNYS"
        """Trading calendar of the tickers, told with the series."""
        timezone: str = "America/New_York"
        """Zone of their exchange, told with the series."""
        span: str = "36525D"
        """Longest time that is asked for at once."""
        lookback: str = "5D"
        """How much of what is done each run reads again, for corrections."""
        settle: str = "25h"
        """Leave alone what is younger than this: a day ends at 24:00 UTC, corrections an hour later."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.fields or not set(self.fields) <= set(self.known):
                raise ValueError(f"fields are some of {', '.join(self.known)}, got {self.fields}")

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.tickers:
            return ["option 'tickers' is missing, such as [\"AAPL\"]"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.tickers

    def discover(self) -> list[SeriesInfo]:
        return [self._info(ticker, name) for ticker in self.config.tickers for name in self.config.fields]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        bars = self._inside(piece)
        yield self._long(piece, bars)
        start = ends(piece)[0]
        first = first_time(self.config.start, start)
        if first < start and self.has_action(bars):
            before = replace(piece, start=first, end=start)
            yield self._long(before, self._inside(before))

    @abstractmethod
    def bars(self, piece: Slice) -> pd.DataFrame:
        """One row for each trading day that the span touches: `ds`, and a column for each field that is wanted."""

    @abstractmethod
    def has_action(self, bars: pd.DataFrame) -> bool:
        """Does one of the days have a dividend or a split?"""

    @abstractmethod
    def unit(self, name: str) -> str:
        """The unit of a field; empty for a ratio, or for the ticker's own currency if the source does not name it."""

    @abstractmethod
    def is_adjusted(self, name: str) -> bool:
        """Whether later dividends and splits change a field's past."""

    def _inside(self, piece: Slice) -> pd.DataFrame:
        bars, (start, end) = self.bars(piece), ends(piece)
        return bars[(bars["ds"] >= start) & (bars["ds"] < end)]

    def _long(self, piece: Slice, bars: pd.DataFrame) -> pa.Table:
        long = bars.melt("ds", self.config.fields, var_name="field", value_name="y")
        return table(piece.part + "/" + long["field"].astype(str), long["ds"], long["y"])

    def _info(self, ticker: str, name: str) -> SeriesInfo:
        tags = {"ds": "trading day", "adjusted": str(self.is_adjusted(name)).lower(), **self.licence.tags()}
        return SeriesInfo(
            f"{ticker}/{name}", "finance", self.unit(name), "B", self.config.timezone, self.config.calendar,
            self.licence.name, entity=ticker, channel=name, tags=tags,
        )  # fmt: skip
