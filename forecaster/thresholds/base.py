"""The contract of a threshold: from scores of normal rows to the probability of a new one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from forecaster.series.grid import Floats
from forecaster.thresholds._abreast import OneByOne, ThresholdsAbreast

__all__ = ["Threshold"]


class Threshold(ABC):
    """A map from scores to p-values, fitted on scores of rows that count as normal.

    A p-value is never 0 and falls as the score rises. `fit` is called again whenever enough new rows have become usual;
    between two fits a threshold may learn from each row that it has judged (`follow`). What it then knows follows from
    the rows of the last fit, those since, and `carried`.
    """

    uniform: ClassVar[bool] = True
    """Whether p-values are uniform on normal rows; the docstring says why where they are not."""
    of_events: ClassVar[bool] = False
    """Whether strange rows that come in runs count once already: else the level of alarms allows for them."""
    carried: float = 0.0
    """The one number that outlives a fit, as it was at the last one."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config, rate: float) -> None:
        """`rate` is the false alarms that are asked for, in events a row."""
        self.config, self.rate = config, rate

    @abstractmethod
    def fit(self, scores: Floats) -> Floats:
        """Learn from scores of normal rows in their order, NaN left out; gives their own p-values: [n] -> [n]."""

    @abstractmethod
    def p_values(self, scores: Floats) -> Floats:
        """Probability of a score at least as high, as things stand now, [n] -> [n]; NaN stays NaN."""

    def follow(self, scores: Floats) -> Floats:
        """The same of rows that come one after the other: each may teach something before the next is judged."""
        return self.p_values(scores)

    @classmethod
    def abreast(cls, config: Any) -> ThresholdsAbreast:
        """What holds many of this kind side by side."""
        return OneByOne()
