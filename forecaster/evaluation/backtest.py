"""Backtests: forecasts from every cutoff of the test part, in one pass, judged as they are made."""

from collections.abc import Callable, Iterator

import numpy as np

from forecaster.columns import LEVELS
from forecaster.evaluation.blocks import Blocks
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.layers.distribution import mean
from forecaster.metrics.base import Case
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.walk import Forecasts, walk

__all__ = ["backtest", "seasonal_scale", "test_starts"]


def test_starts(grid: Grid, *, train_until: int | None, test_size: int | None, horizon: int) -> Ints:
    """Where each series' test part begins: [S] positions.

    By default the test part is a fifth of the typical series, and at least one horizon.
    """
    if train_until is not None:
        return grid.position_of(train_until) + 1
    size = test_size or max(horizon, int(np.median(grid.lengths)) // 5)
    return np.maximum(grid.lengths - size, 0)


def backtest(
    artefact: Artefact,
    grid: Grid,
    starts: Ints,
    *,
    stride: int = 1,
    sink: Callable[[Forecasts], None] | None = None,
    found: Iterator[Forecasts] | None = None,
) -> Scoreboard:
    """Judge forecasts from the last training row and every `stride`-th later row that has a true value after it.

    `found` gives these forecasts if others than the artefact's own are to be judged.

    Shapes: starts [S], the position of each series' first test row; a series that starts at 0 has no
        training row and is judged from its first row on
    Missing: missing true values are not counted
    """
    horizon = artefact.plan.horizon
    first, last = np.maximum(starts - 1, 0), grid.lengths - 2
    blocks = Blocks.over(first, last, stride)
    board = Scoreboard(grid.keys(), horizon, span=blocks.spanned(horizon))
    scale, square = (seasonal_scale(grid, starts, artefact.plan.season, power=power) for power in (1, 2))
    for part in found or walk(artefact, grid, first, last, stride=stride, adaptive=True):
        truths = part.truths(grid, grid.lengths)
        case = Case(truths, mean(part.quantiles, LEVELS), part.quantiles, scale[part.series], square[part.series])
        board.add(case, part.series, blocks.of(part.series, part.cutoffs))
        if sink is not None:
            sink(part)
    return board


def seasonal_scale(grid: Grid, ends: Ints, season: int, *, power: int = 1) -> Floats:
    """Mean absolute (or mean squared) seasonal difference of the rows before `ends`; NaN if there is none: [S]"""
    steps = np.full(len(grid.y), np.nan)
    steps[season:] = np.abs(grid.y[season:] - grid.y[:-season]) ** power
    within = np.arange(len(grid.y)) - np.repeat(grid.offsets[:-1], grid.lengths)
    counted = (within >= season) & (within < np.repeat(ends, grid.lengths)) & ~np.isnan(steps)
    owner = np.repeat(np.arange(grid.series), grid.lengths)
    totals = np.bincount(owner[counted], weights=steps[counted], minlength=grid.series)
    counts = np.bincount(owner[counted], minlength=grid.series)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
