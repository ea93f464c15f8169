"""Mean squared error."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Mse"]


class Mse(Metric):
    """Squared error of the mean forecast, in squared units of y.

    Fails:  over series of different size, where the largest decide; take rmsse there
    Source: the mean is its optimal forecast, Gneiting (2011)
    """

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        error: Floats = (case.y - case.mean) ** 2
        return error, np.ones_like(error)
