"""The contract of a threshold: from scores of normal rows to the probability of a new one."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from forecaster.series.grid import Floats

__all__ = ["Threshold"]


class Threshold(ABC):
    """A map from scores to p-values, fitted on scores of rows that count as normal.

    A p-value is never 0, falls as the score rises, and is uniform on normal rows.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def fit(self, scores: Floats) -> None:
        """Learn from scores of normal rows, [n]; NaN is left out."""

    @abstractmethod
    def p_values(self, scores: Floats) -> Floats:
        """Probability of a score at least as high, [n] -> [n]; NaN stays NaN."""
