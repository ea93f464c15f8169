"""How stored forecasts did: those whose times have come, beside seasonal naive's from the same cutoffs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.columns import CUTOFF, DS, QUANTILES, UNIQUE_ID
from forecaster.evaluation.backtest import backtest
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.recipe import learn
from forecaster.training.walk import Forecasts, walk

__all__ = ["Matured", "matured", "placed"]

_CUTOFFS = 128
"""Most cutoffs of a series that are judged, at equal distances."""


@dataclass(frozen=True)
class Matured:
    """Two results on the same cutoffs: of what was forecast, and of what seasonal naive would have been."""

    own: Scoreboard
    naive: Scoreboard

    @classmethod
    def joined(cls, parts: "Sequence[Matured]") -> "Matured":
        """Those of several parts of the series."""
        return cls(Scoreboard.joined([part.own for part in parts]), Scoreboard.joined([part.naive for part in parts]))

    @property
    def values(self) -> int:
        """Number of forecast values that have come true, or not."""
        return int(self.own.sums["coverage80"].by_step[:, 1].sum())


def matured(grid: Grid, rows: pd.DataFrame, season: Sequence[int] = ()) -> Matured | None:
    """Judge stored forecasts of one model by the values that came; None if none of them belongs to the grid.

    Seasonal naive is calibrated on the rows up to each series' first judged cutoff, and errors are scaled by them.

    Shapes:  rows `unique_id`, `ds`, `cutoff`, and the quantiles; one row per series, cutoff and time
    Missing: times without a value, as those to come, are not counted; nor is a cutoff without all of its steps
    """
    found = placed(grid, rows)
    if len(found.series) == 0:
        return None
    first, last = np.ones(grid.series, np.int64), np.zeros(grid.series, np.int64)
    series, begins, counts = np.unique(found.series, return_index=True, return_counts=True)
    first[series], last[series] = found.cutoffs[begins], found.cutoffs[begins + counts - 1]
    starts = np.where(last >= first, first + 1, grid.lengths)
    naive = learn(grid, starts, model=NAIVE, horizon=found.quantiles.shape[1], season=season)
    beside = _same(found, walk(naive, grid, first, last, adaptive=True))
    return Matured(backtest(naive, grid, starts, found=iter([found])), backtest(naive, grid, starts, found=beside))


def placed(grid: Grid, rows: pd.DataFrame) -> Forecasts:
    """Rows of stored forecasts by series, cutoff and step, in the order of series and cutoffs."""
    series = pd.Index(grid.unique_id).get_indexer(pd.Index(rows[UNIQUE_ID]))
    rows, series = rows[series >= 0], series[series >= 0]
    at, cutoffs = (
        grid.frequency.positions(grid.clock.encode(rows[column]), grid.starts[series]) for column in (DS, CUTOFF)
    )
    inside = (cutoffs >= 0) & (cutoffs < grid.lengths[series] - 1) & (at > cutoffs)
    series, cutoffs, at = series[inside], cutoffs[inside], at[inside]
    horizon = int((at - cutoffs).max(initial=0))
    origins, of = np.unique(np.stack([series, cutoffs], axis=1), axis=0, return_inverse=True)
    quantiles = np.full((len(origins), horizon, len(QUANTILES)), np.nan)
    quantiles[of.ravel(), at - cutoffs - 1] = rows.loc[inside, list(QUANTILES)].to_numpy(float)
    whole = np.isfinite(quantiles).all(axis=(1, 2))
    return _thinned(Forecasts(origins[whole, 0], origins[whole, 1], quantiles[whole]))


def _thinned(found: Forecasts) -> Forecasts:
    """At most so many cutoffs of each series."""
    order = np.arange(len(found.series)) - np.searchsorted(found.series, found.series)
    every = 1 + int(order.max(initial=0)) // _CUTOFFS
    return found.take(np.flatnonzero(order % every == 0))


def _same(found: Forecasts, parts: Iterator[Forecasts]) -> Iterator[Forecasts]:
    """Of other forecasts those from the same cutoffs."""
    wanted = _keys(found.series, found.cutoffs)
    for part in parts:
        yield part.take(np.flatnonzero(np.isin(_keys(part.series, part.cutoffs), wanted)))


def _keys(series: Ints, cutoffs: Ints) -> Ints:
    keys: Ints = series * 2**40 + cutoffs
    return keys
