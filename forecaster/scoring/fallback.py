"""Forecasts for series that a network cannot say anything about: naive ones, marked as such."""

import numpy as np

from forecaster.columns import LEVELS
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid
from forecaster.series.quality import Quality
from forecaster.training.walk import Forecasts

__all__ = ["reasons", "replace"]

_MIDDLE = LEVELS.index(0.5)


def reasons(grid: Grid, ends: Ints, horizon: int) -> dict[int, str]:
    """Series that need a fallback, and why, judged by the rows before `ends`. Shapes: ends [S]"""
    found: dict[int, str] = {}
    inside = np.arange(len(grid.y)) < np.repeat(grid.offsets[:-1] + ends, grid.lengths)
    seen, begins = inside & ~np.isnan(grid.y), grid.offsets[:-1]
    counts = np.add.reduceat(seen, begins, dtype=np.int64)
    low = np.minimum.reduceat(np.where(seen, grid.y, np.inf), begins)
    high = np.maximum.reduceat(np.where(seen, grid.y, -np.inf), begins)
    for s in np.flatnonzero((counts < max(2, horizon)) | (low == high)):
        if counts[s] < 2:
            found[int(s)] = "fewer than two values: the last value, with a spread pooled over the other series"
        elif low[s] == high[s]:
            found[int(s)] = "constant: the last value, with a spread pooled over the other series"
        else:
            found[int(s)] = "shorter than the horizon: the last value, with a spread pooled over the other series"
    return found


def replace(forecasts: Forecasts, grid: Grid, why: dict[int, str], quality: Quality) -> Forecasts:
    """The same forecasts, those of series in `why` replaced by naive ones; each is recorded."""
    if not why:
        return forecasts
    weak = np.isin(forecasts.series, list(why))
    spread_HQ = _pooled(forecasts, ~weak)
    quantiles = forecasts.quantiles.copy()
    for n in np.flatnonzero(weak):
        last = _last(grid.values(forecasts.series[n])[: forecasts.cutoffs[n] + 1])
        quantiles[n] = last + abs(last) * spread_HQ
    for series, reason in why.items():
        rows = int(grid.lengths[series])
        quality.add("fallback", reason, unique_id=grid.label(series), rows=rows)
    return Forecasts(forecasts.series, forecasts.cutoffs, quantiles)


def _pooled(forecasts: Forecasts, strong: Bools) -> Floats:
    """Median over the other series of each quantile's distance from the median, as a part of the level."""
    if not strong.any():
        return np.zeros(forecasts.quantiles.shape[1:])
    quantiles = forecasts.quantiles[strong]
    middle = quantiles[..., _MIDDLE : _MIDDLE + 1]
    relative = (quantiles - middle) / np.maximum(np.abs(middle), 1e-12)
    pooled: Floats = np.median(relative, axis=0)
    return pooled


def _last(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known[-1]) if len(known) else 0.0
