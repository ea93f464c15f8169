"""Sorted normal scores, and the rank of a new score among them."""

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["FEWEST", "HIGH", "LEAST_INDEX", "Ranks"]

FEWEST = 60
"""Fewest scores from which the length of runs is estimated."""
HIGH = 0.9
"""Share of the scores that are lower than a high one."""
LEAST_INDEX = 0.02
"""Least extremal index that is believed: runs of up to 50 rows."""
_SAME = 1e-4
"""Scores count as equal within this share of their size plus the usual size, since a pass and a stream round differently."""


class Ranks:
    """The finite values of some scores, sorted.

    Source: Vovk et al. (2005): the rank of an exchangeable row among n others is uniform on 1 to n + 1
    """

    def __init__(self, scores: Floats) -> None:
        known = scores[np.isfinite(scores)]
        self.sorted: Floats = np.sort(known)
        self.usual = _median(np.abs(self.sorted)) if len(known) else 0.0
        """Median of the absolute scores."""
        self.run = 1.0 / _extremal_index(known, self.sorted) if len(known) >= FEWEST else 1.0
        """Mean number of rows in a run of high scores, expected of a new run too."""

    @classmethod
    def of(cls, ranked: Floats, usual: float, run: float) -> "Ranks":
        """Build from results that are known already."""
        made = cls(ranked[:0])
        made.sorted, made.usual, made.run = ranked, usual, run
        return made

    def __len__(self) -> int:
        return len(self.sorted)

    @staticmethod
    def less_tolerance_of(usual: Floats, scores: Floats) -> Floats:
        """`less_tolerance` for several series, with one score each."""
        return np.asarray(scores - _SAME * (np.abs(scores) + usual))

    def less_tolerance(self, scores: Floats) -> Floats:
        """The scores less the tolerance within which they count as equal."""
        return np.asarray(scores - _SAME * (np.abs(scores) + self.usual))

    def above(self, scores: Floats) -> Ints:
        """How many of the sorted scores are at least as high."""
        return len(self.sorted) - np.searchsorted(self.sorted, self.less_tolerance(scores), side="left")

    def p_values(self, scores: Floats) -> Floats:
        """Probability of a rank at least as high; 1 if there is nothing to compare with; NaN stays NaN.

        A new row counts as one more run, not as one more row.
        """
        return np.where(np.isnan(scores), np.nan, (self.run + self.above(scores)) / (len(self) + self.run))


def _median(sizes: Floats) -> float:
    """Median of absolute scores, which are sorted already if no score is negative."""
    middle = len(sizes) // 2
    part = sizes if (sizes[1:] >= sizes[:-1]).all() else np.sort(sizes)
    return float(part[middle] if len(part) % 2 else (part[middle - 1] + part[middle]) / 2)


def _extremal_index(scores: Floats, ranked: Floats) -> float:
    """The extremal index: number of runs of high scores over the number of high scores; 1 if none are in runs.

    Source: Ferro and Segers (2003), Journal of the Royal Statistical Society B 65(2), equation 5: from times between
        high scores
    """
    high = ranked[int(HIGH * (len(ranked) - 1))]
    steps = np.diff(np.flatnonzero(scores > high)).astype(float)
    if len(steps) < 2 or steps.max() <= 2:
        return 1.0
    index = 2 * (steps - 1).sum() ** 2 / (len(steps) * ((steps - 1) * (steps - 2)).sum())
    return float(min(max(index, LEAST_INDEX), 1.0))
