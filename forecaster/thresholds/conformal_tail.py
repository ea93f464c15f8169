"""Conformal ranks with a generalised-Pareto tail."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds._abreast import ThresholdsAbreast
from forecaster.thresholds._pareto import by_moments
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds._tails import Tails
from forecaster.thresholds.base import Threshold

__all__ = ["ConformalTail"]

_FEWEST = 8
"""Fewest scores that a tail is fitted on; with fewer, only ranks are used."""


class ConformalTail(Threshold):
    """Rank among the normal scores, and beyond the highest of them a generalised Pareto tail.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit and stay NaN
    Fails:   when the normal scores hold many anomalies: strange rows then look usual
    Source:  Vovk et al. (2005) for the ranks; Pickands (1975) for the tail, its moments by
        Hosking and Wallis (1987), Technometrics 29(3)
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        tail_share: float = 0.1
        """Share of the scores that the tail is fitted on, in (0, 1)."""
        tail_most: int = 200
        """Most scores that the tail is fitted on."""
        shape_most: float = 0.5
        """Largest shape of the tail, its heaviest; a larger one than 0.5 has no variance."""
        least: float = 0.001
        """Least scale of the tail, in units of the scores: even after only zeros, a higher score is stranger."""

        def __post_init__(self) -> None:
            if (
                not 0 < self.tail_share < 1
                or self.tail_most < _FEWEST
                or not 0 <= self.shape_most < 1
                or self.least <= 0
            ):
                raise ValueError(
                    f"tail_share must be in (0, 1), tail_most at least {_FEWEST}, shape_most in [0, 1), least positive"
                )

    config: Config

    def fit(self, scores: Floats) -> Floats:
        self.ranks = ranks = Ranks(scores)
        count = int(np.clip(len(ranks) * self.config.tail_share, _FEWEST, self.config.tail_most))
        self.tail_count = count if len(ranks) > 2 * count else 0
        if self.tail_count:
            self.start = float(ranks.sorted[-count - 1])
            self.tail = by_moments(ranks.sorted[-count:] - self.start, self.config.shape_most, self.config.least)
        return self.p_values(scores)

    @classmethod
    def abreast(cls, config: "ConformalTail.Config") -> ThresholdsAbreast:
        return Tails(config, _FEWEST)

    def p_values(self, scores: Floats) -> Floats:
        p = self.ranks.p_values(scores)
        if self.tail_count:
            share = (self.tail_count + self.ranks.run) / (len(self.ranks) + self.ranks.run)
            tail = share * self.tail.beyond(scores - self.start)
            p = np.where(self.ranks.less_tolerance(scores) > self.start, tail, p)
        return np.where(np.isnan(scores), np.nan, np.clip(p, 1e-300, 1.0))
