"""Forecasts as output rows."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.columns import LEVELS, quantile_column
from forecaster.layers.distribution import mean, quantiles_at
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.walk import Forecasts

__all__ = ["forecast_rows"]


def forecast_rows(
    grid: Grid,
    forecasts: Forecasts,
    *,
    levels: Sequence[float] = LEVELS,
    horizon: int | None = None,
    until: Ints | None = None,
) -> pd.DataFrame:
    """One row for each forecast and horizon step: `unique_id, [channel,] ds, cutoff, mean, q...`, float32.

    Shapes: until [S]: rows at positions after it are left out
    """
    steps = horizon or forecasts.quantiles.shape[1]
    ahead = np.arange(1, steps + 1)
    series = np.repeat(forecasts.series, steps)
    cutoffs = np.repeat(forecasts.cutoffs, steps)
    positions = cutoffs + np.tile(ahead, len(forecasts.series))
    quantiles = forecasts.quantiles[:, :steps].reshape(-1, len(LEVELS))
    if until is not None:
        kept = positions <= until[series]
        series, cutoffs, positions, quantiles = series[kept], cutoffs[kept], positions[kept], quantiles[kept]
    frame = grid.keys(series)
    frame[columns.DS] = grid.ds(series, positions).array
    frame[columns.CUTOFF] = grid.ds(series, cutoffs).array
    return pd.concat([frame, _numbers(quantiles, levels)], axis=1)


def _numbers(quantiles: Floats, levels: Sequence[float]) -> pd.DataFrame:
    """Mean and quantiles, float32 in one block. Shapes: [rows, Q] at `columns.LEVELS`"""
    values = {quantile_column(level): quantiles[:, q] for q, level in enumerate(LEVELS)}
    extra = [level for level in levels if level not in LEVELS]
    if extra:
        more = quantiles_at(quantiles, LEVELS, extra)
        values |= {quantile_column(level): more[:, q] for q, level in enumerate(extra)}
    names = _level_names(levels)
    block = np.empty((1 + len(names), len(quantiles)), np.float32)
    block[0] = mean(quantiles, LEVELS)
    for row, name in enumerate(names, start=1):
        block[row] = values[name]
    block += 0.0  # makes 0 of -0, which tiny values below 0 become in float32
    return pd.DataFrame(block.T, columns=[columns.MEAN, *names])


def _level_names(levels: Sequence[float]) -> list[str]:
    """Column names of quantile levels, in order."""
    return [quantile_column(level) for level in sorted(levels)]
