"""Mean scaled interval score."""

import numpy as np

from forecaster.metrics.base import NO_UNIT, Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Msis"]

_OUTSIDE = 0.05


class Msis(Metric):
    """Width of the 95 % interval plus 40 times the distance of values outside, in mean absolute seasonal steps.

    Missing: series whose training part never moves have no scale and are left out
    Source:  Makridakis et al. (2020), the M4 competition; the score is Gneiting and Raftery's (2007)
    """

    void = NO_UNIT

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        low, high = case.quantile(0.025), case.quantile(0.975)
        outside = np.maximum(low - case.y, 0) + np.maximum(case.y - high, 0)
        scale = np.where(case.scale > 0, case.scale, np.nan)[:, None]
        score: Floats = (high - low + 2 / _OUTSIDE * outside) / scale
        return score, np.ones_like(score)
