"""Calibration of a model without trained weights: by walks over rows that taught it nothing, which are all of them."""

from dataclasses import replace

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.plan import held_out_series
from forecaster.training.walk import walk

__all__ = ["with_own_calibration"]

_SERIES, _CUTOFFS = 512, 8_192
"""Most series, and cutoffs of them in all, that the calibration rests on."""
_FITTED_SERIES, _FITTED_CUTOFFS = 32, 256
"""The same of a method that is fitted to single series, where each cutoff is a fit or a forecast of its own."""


def with_own_calibration(artefact: Artefact, grid: Grid, ends: Ints) -> Artefact:
    """The artefact with widths that cover what they say on rows before `ends`.

    One that is fitted to single series is judged on the last of them, which no parameter saw then; others on all rows
    from the first whole lag window on.

    Shapes: ends [S]
    """
    plan, fitted = artefact.plan, artefact.network.model.memory == "whole"
    plain = replace(artefact, calibration=Calibration.none(plan.horizon))
    series, cutoffs = (_FITTED_SERIES, _FITTED_CUTOFFS) if fitted else (_SERIES, _CUTOFFS)
    chosen = held_out_series(ends, plan)
    chosen = chosen[:: max(1, -(-len(chosen) // series))]
    if len(chosen) == 0:
        return plain
    part, ends = grid.take(chosen), ends[chosen]
    held_out = ends - plan.training.held_out
    begins = held_out if fitted else np.minimum(plan.window, held_out)
    stride = max(1, int((ends - begins).sum()) // cutoffs)
    parts = list(walk(plain, part, begins - 1, ends - 2, stride=stride, device="cpu"))
    targets = np.concatenate([each.truths(part, ends) for each in parts])
    quantiles = np.concatenate([each.quantiles for each in parts])
    origins = int(np.ceil(len(targets) * min(1.0, stride / plan.horizon)))
    return replace(plain, calibration=calibrate(quantiles, targets, origins))
