"""Weighted absolute percentage error."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Wape"]


class Wape(Metric):
    """Sum of the absolute errors of the median over the sum of absolute values, as a share.

    Missing: NaN where all values are 0
    Fails:   where values are near zero or of both signs; series with large values decide
    Source:  MAD/Mean ratio of Kolassa and Schütz (2007), Foresight 6; also called normalised deviation
    """

    void = "every value of the test part is 0"

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        return np.abs(case.y - case.median), np.abs(case.y)
