"""Root mean squared error."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Rmse"]


class Rmse(Metric):
    """Root of the mean squared error of the mean forecast, in units of y.

    Fails:  over series of different size, where the largest decide
    Source: the mean is its optimal forecast, Gneiting (2011)
    """

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        error: Floats = (case.y - case.mean) ** 2
        return error, np.ones_like(error)

    @staticmethod
    def finish(total: float) -> float:
        return float(np.sqrt(total))
