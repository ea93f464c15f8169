"""Exchange rates: quantile loss beside a random walk with its own empirical spread, series by series."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.columns import LEVELS
from forecaster.evaluation.backtest import test_starts
from forecaster.evaluation.compare import compare
from forecaster.series.frame import check
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.series.roles import Roles
from forecaster.training.walk import Forecasts

__all__ = ["rates_of"]


def rates_of(path: Path, horizon: int, model: str) -> dict[str, object]:
    """Pinball loss of every cutoff of the last fifth over that of the walk: worst series, and mean of the ratios."""
    checked = check(pd.read_parquet(path)[["unique_id", "ds", "y"]], Roles())
    grid = checked.grids[0]
    starts = test_starts(grid, train_until=None, test_size=None, horizon=horizon)
    walk, sums = _changes(grid, starts, horizon), np.zeros((grid.series, 2))
    compare(checked, model=model, horizon=horizon, keep=partial(_add, sums, walk))
    moved = sums[:, 1] > 0  # a rate that never moved in the training part has a walk without an error
    ratios = sums[moved, 0] / sums[moved, 1]
    return {"mean": round(float(ratios.mean()), 4), "worst": round(float(ratios.max()), 4), "series": grid.series}


def _changes(grid: Grid, starts: Ints, horizon: int) -> Floats:
    """Quantiles of the changes over 1 to H steps in each series' training part: [S, H, Q]"""
    found = np.zeros((grid.series, horizon, len(LEVELS)))
    for s in range(grid.series):
        y = grid.y[grid.offsets[s] : grid.offsets[s] + starts[s]]
        for h in range(1, horizon + 1):
            found[s, h - 1] = np.nanquantile(y[h:] - y[:-h], LEVELS)
    return found


def _add(sums: Floats, walk: Floats, grid: Grid, part: Forecasts) -> None:
    horizon = walk.shape[1]
    at = part.cutoffs[:, None] + np.arange(1, horizon + 1)
    inside = at < grid.lengths[part.series, None]
    row = grid.offsets[part.series, None]
    truth = np.where(inside, grid.y[row + np.where(inside, at, 0)], np.nan)
    # The walk goes on from the last value that was seen.
    last = np.array([_last(grid, s, c) for s, c in zip(part.series, part.cutoffs, strict=True)])
    for column, quantiles in enumerate((part.quantiles, last[:, None, None] + walk[part.series])):
        error, levels = truth[..., None] - quantiles, np.asarray(LEVELS)
        loss = np.nansum(np.maximum(levels * error, (levels - 1) * error), axis=(1, 2))
        np.add.at(sums[:, column], part.series, loss)


def _last(grid: Grid, series: int, cutoff: int) -> float:
    y = grid.y[grid.offsets[series] : grid.offsets[series] + cutoff + 1]
    return float(y[~np.isnan(y)][-1])
