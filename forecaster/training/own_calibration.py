"""Calibration of models without trained weights, which can use all rows, since none were trained on."""

from dataclasses import replace

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.held_out import held_out_series
from forecaster.training.walk import walk

__all__ = ["with_own_calibration"]

_SERIES, _CUTOFFS = 512, 8_192
"""Maximum series, and maximum cutoffs in total, used for calibration."""
_FITTED_SERIES, _FITTED_CUTOFFS = 32, 256
"""The same for methods fitted to each series, where each cutoff costs a fit or a forecast."""


def with_own_calibration(artefact: Artefact, grid: Grid, ends: Ints) -> Artefact:
    """The artefact with widths calibrated on rows before `ends`.

    A method fitted to each series is judged on its last rows, which its parameters have not seen by then; others on all
    rows from the first complete lag window on.

    Shapes: ends [S]
    """
    plan, fitted = artefact.plan, artefact.network.model.memory == "whole"
    plain = replace(artefact, calibration=Calibration.none(plan.horizon))
    series, cutoffs = (_FITTED_SERIES, _FITTED_CUTOFFS) if fitted else (_SERIES, _CUTOFFS)
    chosen = held_out_series(ends, plan)
    chosen = chosen[:: max(1, -(-len(chosen) // series))]
    if len(chosen) == 0:
        return replace(plain, calibration=Calibration.untested(plan.horizon))
    part, ends = grid.take(chosen), ends[chosen]
    held_out = ends - plan.training.held_out
    begins = held_out if fitted else np.minimum(plan.window, held_out)
    stride = max(1, int((ends - begins).sum()) // cutoffs)
    parts = list(walk(plain, part, begins - 1, ends - 2, stride=stride, device="cpu"))
    targets = np.concatenate([each.truths(part, ends) for each in parts])
    quantiles = np.concatenate([each.quantiles for each in parts])
    origins = int(np.ceil(len(targets) * min(1.0, stride / plan.horizon)))
    return replace(plain, calibration=calibrate(quantiles, targets, origins))
