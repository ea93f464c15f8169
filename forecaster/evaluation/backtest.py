"""Backtests: forecasts from every cutoff of the test part, in one pass, judged as they are made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from forecaster.columns import LEVELS
from forecaster.errors import ConfigError
from forecaster.evaluation.blocks import Blocks
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.layers.distribution import mean
from forecaster.metrics.base import Case
from forecaster.progress import SILENT, Watch
from forecaster.scoring.forecaster import Forecaster, train
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.walk import Forecasts, walk

__all__ = ["NAIVE", "backtest", "compare", "seasonal_scale", "test_starts"]

NAIVE = "seasonal_naive"
"""What every model is judged beside."""


def compare(
    checked: Checked,
    *,
    model: str,
    horizon: int,
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    keep: Callable[[Grid, Forecasts], None] | None = None,
    watch: Watch = SILENT,
) -> tuple[Forecaster, dict[str, Scoreboard]]:
    """Train a model on what comes before the test part, and judge it there beside seasonal naive.

    `keep` gets the model's forecasts as they are made.

    Raises: ConfigError where both or neither of two ways to part the rows make sense, or no series has rows on both
        sides
    """
    if train_until is not None and test_size is not None:
        raise ConfigError("--train-until and --test-size exclude each other.")
    if stride < 1 or (test_size is not None and test_size < 1):
        raise ConfigError("--stride and --test-size must be at least 1.")
    starts = [
        test_starts(grid, train_until=_instant(grid, train_until), test_size=test_size, horizon=horizon)
        for grid in checked.grids
    ]
    checked, starts = _testable(checked, starts)
    chosen: dict[str, Any] = {"horizon": horizon, "season": season, "ends": starts}
    trained = train(checked, model=model, settings=settings, watch=watch, **chosen)
    naive = train(checked, model=NAIVE, **chosen)
    boards: dict[str, Scoreboard] = {}
    for name, own in ((model, trained), (NAIVE, naive)):
        parts = []
        for grid, artefact, start in zip(checked.grids, own.artefacts, starts, strict=True):
            sink = partial(keep, grid) if keep is not None and own is trained else None
            parts.append(backtest(artefact, grid, start, stride=stride, sink=sink))
        boards[name] = Scoreboard.joined(parts)
    return trained, boards


def _testable(checked: Checked, starts: list[Ints]) -> tuple[Checked, list[Ints]]:
    """Grids with rows before and in the test part; what cannot be trained or judged is recorded as skipped."""
    kept = []
    for number, (grid, start) in enumerate(zip(checked.grids, starts, strict=True)):
        trains, judged = (start > 0).any(), grid.lengths > np.maximum(start, 1)
        if trains and judged.any():
            kept.append(number)
        left = np.flatnonzero(~judged) if trains else np.arange(grid.series)
        reason = "no row in the test part" if trains else f"no row of step {grid.frequency.alias} before the test part"
        checked.quality.add_series("skip", reason, ((grid.label(s), int(grid.lengths[s])) for s in left.tolist()))
    if not kept:
        reasons = sorted({finding.reason for finding in checked.quality.of("skip")})
        raise ConfigError(f"nothing to test: {', '.join(reasons)}. Change --train-until or --test-size.")
    return replace(checked, grids=[checked.grids[n] for n in kept]), [starts[n] for n in kept]


def test_starts(grid: Grid, *, train_until: int | None, test_size: int | None, horizon: int) -> Ints:
    """Where each series' test part begins: [S] positions.

    By default the last fifth of the typical series, and one horizon at least.
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
) -> Scoreboard:
    """Forecasts from the last training row and every `stride`-th later one that has a truth after it.

    Shapes: starts [S], the position of each series' first test row; a series that starts at 0 has no
        training row and is judged from its first row on
    Missing: missing truths count for nothing
    """
    horizon = artefact.plan.horizon
    first, last = np.maximum(starts - 1, 0), grid.lengths - 2
    blocks = Blocks.over(first, last, stride)
    board = Scoreboard(grid.keys(), horizon, span=blocks.spanned(horizon))
    scale, square = (seasonal_scale(grid, starts, artefact.plan.season, power=power) for power in (1, 2))
    for part in walk(artefact, grid, first, last, stride=stride, adaptive=True):
        truths = _truths(grid, part, horizon)
        case = Case(truths, mean(part.quantiles, LEVELS), part.quantiles, scale[part.series], square[part.series])
        board.add(case, part.series, blocks.of(part.series, part.cutoffs))
        if sink is not None:
            sink(part)
    return board


def seasonal_scale(grid: Grid, ends: Ints, season: int, *, power: int = 1) -> Floats:
    """Mean absolute seasonal step, or its mean square, of the rows before `ends`; NaN where there is none: [S]"""
    steps = np.full(len(grid.y), np.nan)
    steps[season:] = np.abs(grid.y[season:] - grid.y[:-season]) ** power
    within = np.arange(len(grid.y)) - np.repeat(grid.offsets[:-1], grid.lengths)
    counted = (within >= season) & (within < np.repeat(ends, grid.lengths)) & ~np.isnan(steps)
    owner = np.repeat(np.arange(grid.series), grid.lengths)
    totals = np.bincount(owner[counted], weights=steps[counted], minlength=grid.series)
    counts = np.bincount(owner[counted], minlength=grid.series)
    return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)


def _instant(grid: Grid, when: object) -> int | None:
    return None if when is None else grid.clock.instant(when, "--train-until")


def _truths(grid: Grid, part: Forecasts, horizon: int) -> Floats:
    """What came after each cutoff, NaN beyond the end: [n, H]"""
    positions = part.cutoffs[:, None] + np.arange(1, horizon + 1)
    inside = positions < grid.lengths[part.series, None]
    rows = grid.offsets[part.series, None] + np.where(inside, positions, 0)
    return np.where(inside, grid.y[rows], np.nan)
