"""The contract of a metric: a sum of terms, so that parts of a backtest can be judged as they are made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from forecaster.columns import LEVELS, MEDIAN
from forecaster.series.grid import Floats

__all__ = ["NO_UNIT", "Case", "Metric"]

NO_UNIT = "no value differs from that of a season before it, up to the test part, which gives errors no unit"
"""Why nothing may count for a scaled metric."""


@dataclass(frozen=True)
class Case:
    """Forecasts and the actual values.

    Shapes:  y, mean [n, H]; quantiles [n, H, Q] at `columns.LEVELS`; scale, square_scale [n]
    Units:   scale is the mean absolute seasonal step of the series' training part, in units of y; square_scale is the
        mean squared one
    Missing: NaN in y is ignored by all metrics; scaled metrics also ignore rows with NaN or 0 as their scale
    """

    y: Floats
    mean: Floats
    quantiles: Floats
    scale: Floats
    square_scale: Floats

    @property
    def median(self) -> Floats:
        """[n, H]"""
        return self.quantiles[..., MEDIAN]

    def quantile(self, level: float) -> Floats:
        """One of the stored quantiles, [n, H]."""
        return self.quantiles[..., LEVELS.index(level)]


class Metric(ABC):
    """A sum of terms divided by a sum of weights; `finish` turns the quotient into the metric.

    Results over series, over horizons or over parts of a backtest are sums of the same terms.
    """

    ideal: float = 0.0
    """The best value."""
    void: str = "no row of the test part has a value"
    """Why nothing may count for it."""
    size: bool = True
    """Whether it measures the size of errors, as a mean or its root: half the number is half the error."""

    @staticmethod
    @abstractmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        """Terms and weights, NaN for a value that is ignored: [n, H], [n, H]"""

    @staticmethod
    def finish(total: float) -> float:
        """The metric from the weighted mean of its terms."""
        return total

    @classmethod
    def value(cls, case: Case) -> float:
        """The metric over a whole case; NaN if nothing counts."""
        terms, weights = cls.terms(case)
        weight = np.nansum(np.where(np.isnan(terms), 0.0, weights))
        return cls.finish(float(np.nansum(terms) / weight)) if weight > 0 else float("nan")
