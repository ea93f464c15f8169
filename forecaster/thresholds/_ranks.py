"""Normal scores in order, and how many of them are as high as a new one."""

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Ranks", "alone"]

_FEWEST = 60
"""Scores below which nothing is said of runs."""
_HIGH, _LEAST_ALONE = 0.9, 0.02
_SAME = 1e-4
"""Scores so near each other count as equal, in parts of themselves and of a usual one: a pass and its steps round alike."""


class Ranks:
    """The finite ones of some scores, sorted.

    Source: Vovk et al. (2005): the rank of an exchangeable row among n others is uniform on 1 to n + 1
    """

    def __init__(self, scores: Floats) -> None:
        self.sorted: Floats = np.sort(scores[np.isfinite(scores)])
        self.alone = alone(scores)
        """Share of the high ones that count where those of one run count once."""
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
        """Probability of so high a rank; 1 where there is nothing to compare with, NaN stays NaN.

        A new row is one more run among as many as there are, not one more row.
        """
        run = 1.0 / self.alone
        return np.where(np.isnan(scores), np.nan, (run + self.above(scores)) / (len(self) + run))


def alone(scores: Floats) -> float:
    """The extremal index: runs of high scores, as a share of the high scores; 1 where they come alone.

    Source: Ferro and Segers (2003), Journal of the Royal Statistical Society B 65(2), equation 5, by the times between them
    """
    known = scores[np.isfinite(scores)]
    if len(known) < _FEWEST:
        return 1.0
    steps = np.diff(np.flatnonzero(known > np.quantile(known, _HIGH))).astype(float)
    if len(steps) < 2 or steps.max() <= 2:
        return 1.0
    index = 2 * (steps - 1).sum() ** 2 / (len(steps) * ((steps - 1) * (steps - 2)).sum())
    return float(np.clip(index, _LEAST_ALONE, 1.0))
