"""Root mean squared scaled error."""

import numpy as np

from forecaster.metrics.base import NO_UNIT, Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Rmsse"]


class Rmsse(Metric):
    """Root of the squared error of the mean forecast over the training part's mean squared seasonal step.

    For one series with a season of 1 it is that of the M5 competition. Over several series it is the root of the mean,
    while M5 takes a weighted mean of the roots.

    Missing: series whose training part never moves have no scale and are left out
    Source:  Makridakis, Spiliotis and Assimakopoulos (2022), the M5 accuracy competition
    """

    void = NO_UNIT

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        scale = np.where(case.square_scale > 0, case.square_scale, np.nan)[:, None]
        error: Floats = (case.y - case.mean) ** 2 / scale
        return error, np.ones_like(error)

    @staticmethod
    def finish(total: float) -> float:
        return float(np.sqrt(total))
