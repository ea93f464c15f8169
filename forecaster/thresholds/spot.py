"""SPOT: peaks over a threshold that learn from every row as it comes, alarms left out."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds._pareto import Pareto, by_likelihood, by_moments
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold

__all__ = ["Spot"]

_FEWEST = 30
"""Peaks below which likelihood is no guide: moments fit the tail then."""


class Spot(Threshold):
    """A generalised-Pareto law of the scores beyond a high level, fitted anew with each peak that is no alarm.

    Rows between two peaks add to the count of which peaks are a share. A row whose p-value is below the rate asked for
    teaches nothing.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit, teach nothing and stay NaN
    Fails:   where scores grow for good: all that is beyond the law is an alarm, and teaches nothing (`dspot` follows)
    Source:  Siffer et al. (2017), KDD, algorithm 2; Grimshaw (1993) for the fit
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        share: float = 0.02
        """Share of the normal scores that are peaks, in (0, 1)."""
        fewest: int = 30
        """Fewest peaks to begin with, as far as half of the scores allow."""
        most: int = 400
        """Most peaks that are remembered, the newest."""
        shape_most: float = 0.5
        """Heaviest tail: a larger shape has no variance."""
        least: float = 0.001
        """Least scale of the tail, in units of the scores."""

        def __post_init__(self) -> None:
            if not 0 < self.share < 1 or not 2 <= self.fewest <= self.most:
                raise ValueError("share must be in (0, 1), fewest at least 2, most not below fewest")
            if not 0 <= self.shape_most < 1 or self.least <= 0:
                raise ValueError("shape_most must be in [0, 1), least positive")

    config: Config

    def fit(self, scores: Floats) -> Floats:
        known = scores[np.isfinite(scores)]
        ranks = Ranks(known)
        count = min(max(int(self.config.share * len(known)), self.config.fewest), (len(known) - 1) // 2)
        self.start = float(ranks.sorted[-count - 1]) if count >= 2 else np.inf
        peaks = known > self.start
        self.body = Ranks(known[~peaks])
        self.peaks = (known[peaks] - self.start)[-self.config.most :]
        self.count, self.rows = int(peaks.sum()), len(known)
        self._refit()
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        share = (self.count + 1) / (self.rows + 1)
        body = share + (1 - share) * self.body.above(scores) / max(len(self.body), 1)
        p = np.where(scores > self.start, share * self.tail.beyond(scores - self.start), body)
        return np.where(np.isnan(scores), np.nan, np.clip(p, 1e-300, 1.0))

    def follow(self, scores: Floats) -> Floats:
        return np.array([self.judge(score) for score in scores.tolist()])

    def judge(self, score: float) -> float:
        """The p-value of one row, which is then learnt from."""
        if math.isnan(score):
            return math.nan
        p = min(max(self._p_value(score), 1e-300), 1.0)
        if p < self.rate:
            return p
        self.rows += 1
        if score > self.start:
            self.count += 1
            self.peaks = np.append(self.peaks, score - self.start)[-self.config.most :]
            self._refit()
        return p

    def _p_value(self, score: float) -> float:
        share = (self.count + 1) / (self.rows + 1)
        if score > self.start:
            return float(share * self.tail.beyond(np.asarray(score - self.start)))
        return share + (1 - share) * int(self.body.above(np.asarray(score))) / max(len(self.body), 1)

    def _refit(self) -> None:
        if len(self.peaks) < 2:
            self.tail = Pareto(1.0, 0.0)
            return
        made = by_likelihood if len(self.peaks) >= _FEWEST else by_moments
        self.tail = made(self.peaks, self.config.shape_most, self.config.least)
