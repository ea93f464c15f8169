"""Peaks over a threshold: a generalised Pareto tail for the 50 highest scores, by maximum likelihood."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds._pareto import Pareto, by_likelihood, by_moments
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold

__all__ = ["Pot"]

_FEWEST = 30
"""With fewer peaks the tail is fitted by moments, as maximum likelihood is then unreliable."""


class Pot(Threshold):
    """Rank among the normal scores below the `peaks` highest; from there on a tail fitted to these peaks.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit and stay NaN
    Fails:   if the highest of the normal scores are anomalies: the tail is fitted on nothing else
    Source:  Pickands (1975); Grimshaw (1993), Technometrics 35(2), for the fit
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        peaks: int = 50
        """Number of highest scores that make the tail; at most half of the scores."""
        shape_most: float = 0.5
        """Largest shape of the tail, its heaviest; a larger one than 0.5 has no variance."""
        least: float = 0.001
        """Least scale of the tail, in units of the scores."""

        def __post_init__(self) -> None:
            if self.peaks < 2 or not 0 <= self.shape_most < 1 or self.least <= 0:
                raise ValueError("peaks must be at least 2, shape_most in [0, 1), least positive")

    config: Config

    def fit(self, scores: Floats) -> Floats:
        self.ranks = ranks = Ranks(scores)
        self.peaks = count = min(self.config.peaks, (len(ranks) - 1) // 2)
        self.start, self.tail = np.inf, Pareto(1.0, 0.0)
        if count >= 2:
            self.start = float(ranks.sorted[-count - 1])
            made = by_likelihood if count >= _FEWEST else by_moments
            self.tail = made(ranks.sorted[-count:] - self.start, self.config.shape_most, self.config.least)
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        share = (self.peaks + 1) / (len(self.ranks) + 1)
        tail = share * self.tail.beyond(scores - self.start)
        p = np.where(self.ranks.less_tolerance(scores) > self.start, tail, self.ranks.p_values(scores))
        return np.where(np.isnan(scores), np.nan, np.clip(p, 1e-300, 1.0))
