"""Forecasts as output rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.columns import HIGH, LEVELS, LOW, MEDIAN, quantile_column
from forecaster.layers.distribution import mean, quantiles_at
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.walk import Forecasts

__all__ = ["forecast_rows"]

_COARSE = 1e-3
"""The share of an 80 % interval that rounding to float32 may move a quantile by."""


def forecast_rows(
    grid: Grid,
    forecasts: Forecasts,
    *,
    levels: Sequence[float] = LEVELS,
    horizon: int | None = None,
    until: Ints | None = None,
    exact: bool = False,
) -> pd.DataFrame:
    """One row for each forecast and horizon step: `unique_id, [channel,] ds, cutoff, mean, q...`.

    Numbers are float32; if `exact`, float64 where values are so large beside their spread that float32 is too coarse.

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
    kind = np.float64 if exact and _is_coarse(quantiles) else np.float32
    return pd.concat([frame, _numbers(quantiles, levels, kind)], axis=1)


def _is_coarse(quantiles: Floats) -> bool:
    """Whether float32 would round visibly. Shapes: [rows, Q]"""
    rounding = np.abs(quantiles[:, MEDIAN]) * np.finfo(np.float32).eps / 2
    width = quantiles[:, HIGH] - quantiles[:, LOW]
    return bool(((rounding > _COARSE * width) & (width > 0)).any())


def _numbers(quantiles: Floats, levels: Sequence[float], kind: type[np.floating[Any]]) -> pd.DataFrame:
    """Mean and quantiles in one block. Shapes: [rows, Q] at `columns.LEVELS`"""
    values = {quantile_column(level): quantiles[:, q] for q, level in enumerate(LEVELS)}
    extra = [level for level in levels if level not in LEVELS]
    if extra:
        more = quantiles_at(quantiles, LEVELS, extra)
        values |= {quantile_column(level): more[:, q] for q, level in enumerate(extra)}
    names = _level_names(levels)
    block = np.empty((1 + len(names), len(quantiles)), kind)
    block[0] = mean(quantiles, LEVELS)
    for row, name in enumerate(names, start=1):
        block[row] = values[name]
    block += 0.0  # makes 0 of -0, which tiny values below 0 become in float32
    return pd.DataFrame(block.T, columns=[columns.MEAN, *names])


def _level_names(levels: Sequence[float]) -> list[str]:
    """Column names of quantile levels, in order."""
    return [quantile_column(level) for level in sorted(levels)]
