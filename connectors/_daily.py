"""Daily bars of tickers, whose adjusted prices change for all the past with every dividend and split."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import pandas as pd
import pyarrow as pa

from connectors._asked import ends
from forecaster.series.delivered import table
from forecaster.series.source import Slice
from forecaster.series.timed import Timed, first_time

__all__ = ["DailyBars"]


class DailyBars(Timed):
    """A series is called `AAPL/close`. A day with an action is read together with the ticker's whole history."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        tickers: list[str] = field(default_factory=list)
        """As the source writes them: AAPL, SPY."""
        fields: list[str] = field(default_factory=lambda: ["close", "volume"])
        """Parts of a bar that become series."""
        calendar: str = "XNYS"
        """Trading calendar of the tickers, told with the series."""
        span: str = "36525D"
        """Longest time that is asked for at once."""
        lookback: str = "5D"
        """How much of what is done each run reads again, for corrections."""
        settle: str = "25h"
        """Leave alone what is younger than this: a day ends at 24:00 UTC, corrections an hour later."""

    config: Config

    @staticmethod
    def require_known(fields: list[str], known: Iterable[str]) -> None:
        """Raises: ValueError for a field that no bar has, or none at all"""
        if not fields or not set(fields) <= set(known):
            raise ValueError(f"fields are some of {', '.join(known)}, got {fields}")

    def parts(self) -> list[str]:
        return self.config.tickers

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        bars = self.bars(piece)
        yield self._long(piece, bars)
        start = ends(piece)[0]
        first = first_time(self.config.start, start)
        if first < start and self.has_action(bars):
            before = replace(piece, start=first, end=start)
            yield self._long(piece, self.bars(before))

    @abstractmethod
    def bars(self, piece: Slice) -> pd.DataFrame:
        """One row a trading day of the span: `ds`, and a column for each field that is wanted."""

    @abstractmethod
    def has_action(self, bars: pd.DataFrame) -> bool:
        """Does one of the days have a dividend or a split?"""

    def _long(self, piece: Slice, bars: pd.DataFrame) -> pa.Table:
        long = bars.melt("ds", self.config.fields, var_name="field", value_name="y")
        return table(piece.part + "/" + long["field"].astype(str), long["ds"], long["y"])
