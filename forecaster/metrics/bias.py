"""Mean scaled error, with its sign."""

import numpy as np

from forecaster.metrics.base import NO_UNIT, Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Bias"]


class Bias(Metric):
    """Mean forecast minus truth, in units of the training part's mean absolute seasonal step; 0 is right.

    Above 0 the forecasts are too high, below it too low.

    Missing: series whose training part never moves have no scale and are left out
    Fails:   if errors of both signs cancel; it does not show their size
    """

    void = NO_UNIT
    size = False

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        scale = np.where(case.scale > 0, case.scale, np.nan)[:, None]
        error: Floats = (case.mean - case.y) / scale
        return error, np.ones_like(error)
