"""The contract of a threshold: from scores of normal rows to the p-value of a new score."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from forecaster.series.grid import Floats
from forecaster.thresholds._abreast import OneByOne, ThresholdsAbreast

__all__ = ["Threshold"]


class Threshold(ABC):
    """A map from scores to p-values, fitted on scores of rows that count as normal.

    A p-value is never 0 and falls as the score rises. `fit` is called again whenever enough new rows count as normal;
    between two fits a threshold may learn from each row that it has judged (`follow`). Its state depends only on the
    rows of the last fit, the rows since, and `carried`.
    """

    uniform: ClassVar[bool] = True
    """Whether p-values are uniform on normal rows; if not, the docstring says why."""
    of_events: ClassVar[bool] = False
    """Whether p-values already count a run of strange rows once; if not, the level of alarms allows for runs."""
    carried: float = 0.0
    """The one number that is kept from fit to fit, as it was at the last one."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config, rate: float) -> None:
        """`rate` is the wanted rate of false alarms, in events per row."""
        self.config, self.rate = config, rate

    @abstractmethod
    def fit(self, scores: Floats) -> Floats:
        """Learn from scores of normal rows in time order, NaN left out; return their own p-values: [n] -> [n]."""

    @abstractmethod
    def p_values(self, scores: Floats) -> Floats:
        """Probability of a score at least as high, in the current state, [n] -> [n]; NaN stays NaN."""

    def follow(self, scores: Floats) -> Floats:
        """P-values of successive rows: the threshold may learn from each before it judges the next."""
        return self.p_values(scores)

    @classmethod
    def abreast(cls, config: Any) -> ThresholdsAbreast:
        """The vectorised form that holds many thresholds of this kind."""
        return OneByOne()
