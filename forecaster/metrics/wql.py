"""Weighted quantile loss."""

import numpy as np

from forecaster.columns import LEVELS
from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Wql"]

_DECILES = [q for q, level in enumerate(LEVELS) if round(level * 10, 9) == round(level * 10)]


class Wql(Metric):
    """Mean over the deciles of twice the pinball loss, over the sum of absolute values.

    Fails:  where values are near zero; series with large values decide
    Source: mean weighted quantile loss of GluonTS and of Park et al. (2022); 0.1 to 0.9
    """

    void = "every value of the test part is 0"

    @staticmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        levels = np.asarray(LEVELS)[_DECILES]
        error = case.y[..., None] - case.quantiles[..., _DECILES]
        loss: Floats = 2 * np.maximum(levels * error, (levels - 1) * error).mean(axis=-1)
        return loss, np.abs(case.y)
