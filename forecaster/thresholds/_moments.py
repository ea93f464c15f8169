"""How strange scores are by their mean and deviation: a second opinion beside ranks, for rows that open no event."""

from typing import NamedTuple

import numpy as np
from scipy.special import log_ndtr

from forecaster.series.grid import Floats

__all__ = ["Moments", "p_values"]

_LEAST_SPREAD = 1e-3
"""Deviation, in units of the scores: of a view that never moved, too."""
_FEWEST = 30
"""Rows below which moments say nothing."""
_LEAST = -690.0
"""Logarithm of the least p-value there is."""


class Moments(NamedTuple):
    """Of all normal rows so far, view by view: how many there were, their mean, and the sum of squares about it.

    Once an anomaly has joined them, ranks call all rows alike that are like it; moments go on telling which is further off,
    and need no rows in memory, but know no tail.

    Shapes:  [V] each, or [K, V] of K series
    Missing: NaN is left out
    Source:  Chan et al. (1983), The American Statistician 37(3), for the sum of two
    """

    rows: Floats
    centre: Floats
    squares: Floats

    @classmethod
    def of(cls, scores_TV: Floats) -> "Moments":
        """Of some rows. Shapes: [..., time, V]"""
        seen_TV = ~np.isnan(scores_TV)
        count_V = seen_TV.sum(axis=-2).astype(float)
        centre_V = np.where(seen_TV, scores_TV, 0.0).sum(axis=-2) / np.maximum(count_V, 1)
        far_TV = scores_TV - centre_V[..., None, :]
        return cls(count_V, centre_V, np.where(seen_TV, far_TV**2, 0.0).sum(axis=-2))

    def joined(self, more: "Moments") -> "Moments":
        """Of these rows and some more."""
        count = self.rows + more.rows
        step, share = more.centre - self.centre, more.rows / np.maximum(count, 1)
        squares = self.squares + more.squares + step**2 * self.rows * share
        return Moments(count, self.centre + step * share, squares)

    @property
    def spread(self) -> Floats:
        """The deviation of the rows; of few it is not known, and might be anything."""
        deviation = np.maximum(np.sqrt(self.squares / np.maximum(self.rows, 1)), _LEAST_SPREAD)
        return np.where(self.rows >= _FEWEST, deviation, np.inf)


def p_values(scores: Floats, centre: Floats, spread: Floats) -> Floats:
    """Probability of a score at least as high by a normal law; NaN stays NaN."""
    return np.asarray(np.exp(np.maximum(log_ndtr((centre - scores) / spread), _LEAST)))
