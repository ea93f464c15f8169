"""P-values from the mean and deviation of scores: used beside ranks, for rows that open no event."""

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from forecaster.series.grid import Floats

__all__ = ["Moments", "p_values"]

_LEAST_SPREAD = 1e-3
"""Least deviation, in units of the scores, also for a view that never moved."""
_FEWEST = 30
"""Fewest rows from which a deviation is estimated."""
_LEAST = -690.0
"""Logarithm of the least p-value."""


class Moments(NamedTuple):
    """Count, mean, and sum of squared deviations of all normal rows so far, for each view.

    Once an anomaly is among the normal rows, ranks no longer tell similar rows apart. Moments still do, and need no
    rows in memory, but they do not model the tail.

    Shapes:  [V] each, or [K, V] of K series
    Missing: NaN is left out
    Source:  Chan et al. (1983), The American Statistician 37(3), for the sum of two
    """

    rows: Floats
    centre: Floats
    squares: Floats

    @classmethod
    def of(cls, scores_TV: Floats) -> "Moments":
        """The moments of some rows. Shapes: [..., time, V]"""
        seen_TV = ~np.isnan(scores_TV)
        count_V = seen_TV.sum(axis=-2).astype(float)
        centre_V = np.where(seen_TV, scores_TV, 0.0).sum(axis=-2) / np.maximum(count_V, 1)
        far_TV = scores_TV - centre_V[..., None, :]
        return cls(count_V, centre_V, np.where(seen_TV, far_TV**2, 0.0).sum(axis=-2))

    def joined(self, more: "Moments") -> "Moments":
        """The moments of these rows and others together."""
        count = self.rows + more.rows
        step, share = more.centre - self.centre, more.rows / np.maximum(count, 1)
        squares = self.squares + more.squares + step**2 * self.rows * share
        return Moments(count, self.centre + step * share, squares)

    @property
    def spread(self) -> Floats:
        """The deviation of the rows; unknown if there are few."""
        deviation = np.maximum(np.sqrt(self.squares / np.maximum(self.rows, 1)), _LEAST_SPREAD)
        return np.where(self.rows >= _FEWEST, deviation, np.inf)


def p_values(scores: Floats, centre: Floats, spread: Floats) -> Floats:
    """Probability of a score at least as high under a normal distribution; NaN stays NaN."""
    return np.asarray(np.exp(np.maximum(log_ndtr((centre - scores) / spread), _LEAST)))
