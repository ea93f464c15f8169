"""Normal scores in order, and how many of them are as high as a new one."""

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Ranks"]

_SAME = 1e-4
"""Scores so near each other count as equal, in parts of themselves and of a usual one: a pass and its steps round alike."""


class Ranks:
    """The finite ones of some scores, sorted.

    Source: Vovk et al. (2005): the rank of an exchangeable row among n others is uniform on 1 to n + 1
    """

    def __init__(self, scores: Floats) -> None:
        self.sorted: Floats = np.sort(scores[np.isfinite(scores)])
        self.usual = float(np.median(np.abs(self.sorted))) if len(self.sorted) else 0.0

    def __len__(self) -> int:
        return len(self.sorted)

    def held_down(self, scores: Floats) -> Floats:
        """The least that scores may be, for all that is known."""
        return np.asarray(scores - _SAME * (np.abs(scores) + self.usual))

    def above(self, scores: Floats) -> Ints:
        """How many are at least as high."""
        return len(self.sorted) - np.searchsorted(self.sorted, self.held_down(scores), side="left")

    def p_values(self, scores: Floats) -> Floats:
        """Probability of so high a rank; 1 where there is nothing to compare with, NaN stays NaN."""
        return np.where(np.isnan(scores), np.nan, (1.0 + self.above(scores)) / (len(self) + 1.0))
