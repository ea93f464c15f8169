"""Coverage of the 80 % interval."""

import numpy as np

from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Coverage80"]


class Coverage80(Metric):
    """Share of values between the 0.1 and the 0.9 quantile, both included; 0.8 is right.

    Source: Gneiting, Balabdaoui and Raftery (2007), on calibration
    """

    ideal = 0.8
    size = False

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        inside = (case.y >= case.quantile(0.1)) & (case.y <= case.quantile(0.9))
        return np.where(np.isnan(case.y), np.nan, inside), np.ones_like(case.y)
