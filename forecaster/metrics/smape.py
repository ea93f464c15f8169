"""Symmetric mean absolute percentage error."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Smape"]


class Smape(Metric):
    """Symmetric mean absolute percentage error of the median, in percent, 0 to 200.

    Missing: 0 against 0 is an error of 0
    Fails:   near zero, where any error counts 200
    Source:  Makridakis et al. (2020), the M4 competition, equation 1
    """

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        error, size = np.abs(case.y - case.median), np.abs(case.y) + np.abs(case.median)
        return np.where(error == 0, 0.0, 200 * error / np.where(size > 0, size, 1.0)), np.ones_like(error)
