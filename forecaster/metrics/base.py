"""The contract of a metric: terms that add up, so that any part of a backtest can be judged as it is made."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from forecaster.columns import LEVELS, MEDIAN
from forecaster.series.grid import Floats

__all__ = ["Case", "Metric"]


@dataclass(frozen=True)
class Case:
    """Forecasts and what came true.

    Shapes:  y, mean [n, H]; quantiles [n, H, Q] at `columns.LEVELS`; scale, square_scale [n]
    Units:   scale is the mean absolute seasonal step of the series' training part, in units of y; square_scale is the
        mean squared one
    Missing: NaN in y counts for nothing in any metric; NaN or 0 in a scale counts for nothing in scaled ones
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
    """A sum of terms over a sum of weights; `finish` makes the number of it.

    Sums over series, over horizons or over parts of a backtest are sums of the same terms.
    """

    ideal: float = 0.0
    """The best value."""
    size: bool = True
    """Says how large errors are, in a mean or its root: half of it is half as wrong."""

    @staticmethod
    @abstractmethod
    def terms(case: Case) -> tuple[Floats, Floats]:
        """Terms and weights, NaN where a value counts for nothing: [n, H], [n, H]"""

    @staticmethod
    def finish(total: float) -> float:
        """The metric from the weighted mean of its terms."""
        return total

    @classmethod
    def value(cls, case: Case) -> float:
        """The metric over all of a case; NaN where nothing counts."""
        terms, weights = cls.terms(case)
        weight = np.nansum(np.where(np.isnan(terms), 0.0, weights))
        return cls.finish(float(np.nansum(terms) / weight)) if weight > 0 else float("nan")
