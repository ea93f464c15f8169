"""Mean absolute scaled error."""

import numpy as np

from forecaster.metrics.base import NO_UNIT, Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Mase"]


class Mase(Metric):
    """Absolute error of the median in units of the training part's mean absolute seasonal step.

    Missing: series whose training part never moves have no scale and are left out
    Source:  Hyndman and Koehler (2006), International Journal of Forecasting 22(4)
    """

    void = NO_UNIT

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        scale = np.where(case.scale > 0, case.scale, np.nan)[:, None]
        error: Floats = np.abs(case.y - case.median) / scale
        return error, np.ones_like(error)
