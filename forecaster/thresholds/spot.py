"""SPOT: streaming peaks over a threshold, which learn from every row except alarms."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds._pareto import Pareto, by_likelihood, by_moments
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold

__all__ = ["Spot"]

_FEWEST = 30
"""With fewer peaks the tail is fitted by moments, as maximum likelihood is then unreliable."""


class Spot(Threshold):
    """A generalised Pareto tail of the scores above a high level, fitted again at each peak that is no alarm.

    Rows between peaks are counted too, for the share of peaks among all rows. Nothing is learnt from a row whose
    p-value is below the wanted rate of false alarms.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit, teach nothing and stay NaN
    Fails:   if scores grow for good: all rows far in the tail are alarms, from which it does not learn (`dspot` does)
    Source:  Siffer et al. (2017), KDD, algorithm 2; Grimshaw (1993) for the fit
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        share: float = 0.02
        """Share of the normal scores that are peaks, in (0, 1)."""
        fewest: int = 30
        """Fewest peaks to begin with, but at most half of the scores."""
        most: int = 400
        """Most peaks that are kept; the newest ones are."""
        shape_most: float = 0.5
        """Largest shape of the tail, its heaviest; a larger one than 0.5 has no variance."""
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
        """The p-value of one row; the threshold then learns from the row."""
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
