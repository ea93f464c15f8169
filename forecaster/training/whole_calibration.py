"""Calibration of a method that is fitted to single series, on the held-out rows of some of them."""

from dataclasses import replace

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.plan import held_out_series
from forecaster.training.walk import Forecasts, walk

__all__ = ["with_own_calibration"]

_SERIES, _CUTOFFS = 32, 256
"""Most series, and cutoffs of them in all, that the calibration rests on: each is a fit, or a forecast of its own."""


def with_own_calibration(artefact: Artefact, grid: Grid, ends: Ints) -> Artefact:
    """The artefact with widths that cover what they say on the last rows before `ends`, which no parameter saw then.

    Shapes: ends [S]
    """
    plan = artefact.plan
    plain = replace(artefact, calibration=Calibration.none(plan.horizon))
    chosen = held_out_series(ends, plan)[:_SERIES]
    if len(chosen) == 0:
        return plain
    part, ends, held_out = grid.take(chosen), ends[chosen], plan.training.held_out
    stride = max(1, len(chosen) * held_out // _CUTOFFS)
    parts = list(walk(plain, part, ends - held_out - 1, ends - 2, stride=stride, device="cpu"))
    targets = np.concatenate([_targets(part, ends, each, plan.horizon) for each in parts])
    quantiles = np.concatenate([each.quantiles for each in parts])
    origins = int(np.ceil(len(targets) * min(1.0, stride / plan.horizon)))
    return replace(plain, calibration=calibrate(quantiles, targets, origins))


def _targets(grid: Grid, ends: Ints, part: Forecasts, horizon: int) -> Floats:
    """What came after each cutoff, NaN from `ends` on: [n, H]"""
    positions = part.cutoffs[:, None] + np.arange(1, horizon + 1)
    inside = positions < ends[part.series, None]
    rows = grid.offsets[part.series, None] + np.where(inside, positions, 0)
    return np.where(inside, grid.y[rows], np.nan)
