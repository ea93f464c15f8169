"""Checks that columns known in advance have values for all steps ahead."""

import numpy as np

from forecaster import plugins
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.quality import Quality
from forecaster.training.artefact import Artefact

__all__ = ["note_missing"]


def note_missing(grid: Grid, artefact: Artefact, horizon: int, quality: Quality) -> None:
    """Note which future columns lack values within the horizon, and the series that lacks most."""
    if not any(plugins.load("models", member.plan.model).covariates for member in artefact.members):
        return  # already reported: the model does not read them
    for name, given_S in zip(grid.future_names, _given(grid, horizon).T, strict=True):
        if given_S.min() == horizon:
            continue
        worst = int(given_S.argmin())
        line = f"{name}: {given_S[worst]} of {horizon} future values are given"
        if grid.series > 1:
            line += f" of series '{grid.label(worst)}', {given_S.sum()} of {grid.series * horizon} in all"
        quality.add("note", f"{line}; the others count as missing")


def _given(grid: Grid, horizon: int) -> Ints:
    """How many of the steps ahead have a value. Shapes: [S, F]"""
    steps_SH = grid.lengths[:, None] + np.arange(horizon)
    there_SH = steps_SH < grid.covariate_lengths[:, None]
    rows_SH = np.where(there_SH, grid.covariate_starts[:, None] + steps_SH, 0)
    return np.asarray((there_SH[..., None] & ~np.isnan(grid.future[rows_SH])).sum(axis=1))
