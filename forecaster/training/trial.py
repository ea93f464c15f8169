"""Candidates of different kinds, and of different windows, on the same held-out rows."""

from collections.abc import Sequence

import numpy as np

from forecaster.columns import LEVELS
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.plan import held_out_series
from forecaster.training.walk import walk

__all__ = ["trial_errors"]

_FORECASTS = 256
"""About so many are tried of each: a statistical model fits each series."""


def trial_errors(made: Sequence[Artefact], grid: Grid, ends: Ints) -> list[float]:
    """Mean pinball loss of each candidate over held-out rows, in mean moves of each series.

    The errors that trainings tell are in spreads of their own lag windows, which candidates need not have in common.

    Shapes:  ends [S]
    Missing: missing values count for nothing; NaN where nothing is known or nothing moves
    """
    plan = made[0].plan
    chosen = held_out_series(ends, plan)
    chosen = chosen[:: max(1, -(-len(chosen) // _FORECASTS))]
    part = grid.take(chosen)
    first, last = ends[chosen] - plan.training.held_out - 1, ends[chosen] - plan.horizon - 1
    room = plan.training.held_out - plan.horizon
    stride = max(1, room * len(chosen) // _FORECASTS)
    moves_S = np.array([_usual_move(part.values(s)[: first[s] + 1]) for s in range(part.series)])
    return [_error(one, part, (first, last, stride), moves_S) for one in made]


def _usual_move(values: Floats) -> float:
    """NaN where nothing moves: an error there has no unit."""
    moves = np.abs(np.diff(values))
    mean = float(np.nanmean(moves)) if (~np.isnan(moves)).any() else 0.0
    return mean or float("nan")


def _error(one: Artefact, grid: Grid, cutoffs: tuple[Ints, Ints, int], moves_S: Floats) -> float:
    levels, total, known = np.asarray(LEVELS), 0.0, 0
    first, last, stride = cutoffs
    for found in walk(one, grid, first, last, stride=stride, device="cpu"):
        at = grid.offsets[found.series, None] + found.cutoffs[:, None] + np.arange(1, one.plan.horizon + 1)
        error = (grid.y[at][..., None] - found.quantiles) / moves_S[found.series, None, None]
        loss = np.maximum(levels * error, (levels - 1) * error)
        total, known = total + float(np.nansum(loss)), known + int((~np.isnan(loss)).sum())
    return total / known if known else float("nan")
