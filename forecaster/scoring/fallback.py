"""Naive forecasts for series that a network cannot forecast; they are marked as such."""

from collections.abc import Iterable

import numpy as np
from scipy.stats import norm

from forecaster.columns import LEVELS, MEDIAN
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid
from forecaster.series.quality import Quality
from forecaster.training.floor import Floors, raised
from forecaster.training.walk import Forecasts

__all__ = ["reasons", "replace"]

_HARDLY = 0.01
"""Assumed moves of a constant series, as a share of its value; at value 0, as a share of the least move of others."""


def reasons(grid: Grid, ends: Ints, horizon: int) -> dict[int, str]:
    """Series that need a fallback, each with the reason, judged by the rows before `ends`. Shapes: ends [S]"""
    found: dict[int, str] = {}
    inside = np.arange(len(grid.y)) < np.repeat(grid.offsets[:-1] + ends, grid.lengths)
    seen, begins = inside & ~np.isnan(grid.y), grid.offsets[:-1]
    counts = np.add.reduceat(seen, begins, dtype=np.int64)
    low = np.minimum.reduceat(np.where(seen, grid.y, np.inf), begins)
    high = np.maximum.reduceat(np.where(seen, grid.y, -np.inf), begins)
    beside = seen & np.concatenate([[False], seen[:-1]])
    beside[begins] = False
    apart = ~np.logical_or.reduceat(beside, begins)  # networks measure spreads by moves from one step to the next
    weak = (counts < max(2, horizon)) | (low == high) | apart
    spread = "the spread of a random walk" if weak.all() else "a spread pooled over the other series"
    for s in np.flatnonzero(weak):
        if counts[s] < 2:
            found[int(s)] = f"fewer than two values: the last value, with {spread}"
        elif low[s] == high[s]:
            found[int(s)] = "constant: the last value, with a small spread"
        elif counts[s] < horizon:
            found[int(s)] = f"shorter than the horizon: the last value, with {spread}"
        else:
            found[int(s)] = f"no values of two steps in a row: the last value, with {spread}"
    return found


def replace(forecasts: Forecasts, grid: Grid, why: dict[int, str], quality: Quality) -> Forecasts:
    """The forecasts, with those of series in `why` replaced by naive ones; each is recorded in `quality`.

    Their widths are pooled from the other forecasts, in units of each series' mean absolute change.
    """
    if not why:
        return forecasts
    weak = np.isin(forecasts.series, list(why))
    known = [_known(grid, int(s), int(at)) for s, at in zip(forecasts.series, forecasts.cutoffs, strict=True)]
    moves, levels = _means(np.abs(np.diff(values)) for values in known), _means(map(np.abs, known))
    spread_HQ = _pooled(forecasts, moves, ~weak)
    quantiles = forecasts.quantiles.copy()
    for n in np.flatnonzero(weak):
        last = float(known[n][-1]) if len(known[n]) else 0.0
        move = moves[n] or _assumed(abs(last), moves[~weak], levels[~weak], constant=len(known[n]) > 1)
        quantiles[n] = last + move * spread_HQ
    for series, reason in why.items():
        rows = int(grid.lengths[series])
        quality.add("fallback", reason, unique_id=grid.label(series), rows=rows)
    half = np.where(weak, Floors.of(grid).half(forecasts.series, forecasts.cutoffs), np.nan)
    return Forecasts(forecasts.series, forecasts.cutoffs, raised(quantiles, half))


def _known(grid: Grid, series: int, cutoff: int) -> Floats:
    values = grid.values(series)[: cutoff + 1]
    return values[~np.isnan(values)]


def _means(parts: Iterable[Floats]) -> Floats:
    """The mean of each part, 0 of an empty one."""
    return np.array([part.mean() if len(part) else 0.0 for part in parts])


def _pooled(forecasts: Forecasts, moves: Floats, strong: Bools) -> Floats:
    """Median over the other series of each quantile's distance from the forecast median, in moves of the series: [H, Q]

    If there is no other series, the distances of a random walk.
    """
    if not strong.any():
        steps = np.arange(1, forecasts.quantiles.shape[1] + 1)[:, None]
        return np.asarray(np.sqrt(steps * np.pi / 2) * norm.ppf(LEVELS))
    quantiles = forecasts.quantiles[strong]
    distances = quantiles - quantiles[..., MEDIAN : MEDIAN + 1]
    pooled: Floats = np.median(distances / moves[strong][:, None, None], axis=0)
    return pooled


def _assumed(level: float, moves: Floats, levels: Floats, *, constant: bool) -> float:
    """Assumed moves of a series without any: those of other series relative to level, or hardly any if `constant`."""
    share = _HARDLY if constant or len(moves) == 0 else float(np.median(moves / levels))
    return share * level or _HARDLY * (float(moves.min()) if len(moves) else 0.0)
