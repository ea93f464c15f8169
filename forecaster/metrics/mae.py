"""Mean absolute error."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Mae"]


class Mae(Metric):
    """Absolute error of the median, in units of y.

    Fails:  over series of different size, where the largest decide; take mase there
    Source: the median is its optimal forecast, Gneiting (2011)
    """

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        error = np.abs(case.y - case.median)
        return error, np.ones_like(error)
