"""The dynamic threshold of telemanom: past rows that stand out do not count as normal."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold

__all__ = ["Telemanom"]

_DEVIATIONS = np.arange(2.5, 12.01, 0.5)
_MOST_GROUPS = 5
_LEAST_SPREAD = 1e-9


class Telemanom(Threshold):
    """Ranks among the recent scores that do not stand out, and an exponential tail above the threshold.

    The threshold is mean + z deviations. The chosen z is the one for which leaving out the rows above reduces mean and
    deviation most, relative to the number of rows and groups left out. Groups hardly higher than usual scores are
    pruned: they count as normal. Only the last `window` rows of each calibration are used.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit and stay NaN
    Fails:   on heavy tails and few rows, where it takes the highest scores for anomalies: p-values are then too low
    Source:  Hundman et al. (2018), KDD, equations 2 to 5; scores are not smoothed here, as the detector does that
    """

    uniform = False

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        window: int = 2_100
        """Number of last rows that the threshold is computed from."""
        buffer: int = 100
        """Rows on both sides of a row above the threshold that belong to its group."""
        prune: float = 0.13
        """Least relative drop from a group's highest score to the next lower group's that saves it from pruning."""

        def __post_init__(self) -> None:
            if self.window < 2 or self.buffer < 0 or not 0 <= self.prune < 1:
                raise ValueError("window must be at least 2, buffer not negative, prune in [0, 1)")

    config: Config

    def fit(self, scores: Floats) -> Floats:
        known = scores[np.isfinite(scores)][-self.config.window :]
        threshold, apart = self._beyond(known)
        self.ranks = Ranks(known[~apart])
        highest = float(self.ranks.sorted[-1]) if len(self.ranks) else 0.0
        self.start = max(threshold, highest) if apart.any() else highest
        centre, spread = (float(known.mean()), float(known.std())) if len(known) else (0.0, 0.0)
        self.scale = max(abs(centre) + spread, _LEAST_SPREAD)
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        p = self.ranks.p_values(scores)
        severity = np.maximum(self.ranks.less_tolerance(scores) - self.start, 0.0) / self.scale
        return np.asarray(np.maximum(p * np.exp(-severity), np.where(np.isnan(p), np.nan, 1e-300)))

    def _beyond(self, scores: Floats) -> tuple[float, Bools]:
        """The threshold, and the rows that stand out: [n]"""
        none = np.zeros(len(scores), bool)
        centre, spread = (scores.mean(), scores.std()) if len(scores) else (0.0, 0.0)
        if spread <= _LEAST_SPREAD * max(abs(centre), 1.0):
            return float(centre), none
        best, threshold = -np.inf, float(centre + _DEVIATIONS[-1] * spread)
        for candidate in centre + _DEVIATIONS * spread:
            above, wide = scores >= candidate, self._widened(scores >= candidate)
            groups = len(_runs(wide))
            if not above.any() or groups > _MOST_GROUPS or wide.sum() >= len(scores) / 2:
                continue
            below = scores[~above]
            gain = (centre - below.mean()) / centre + (spread - below.std()) / spread if centre > 0 else 0.0
            if gain / (wide.sum() + groups**2) >= best:
                best, threshold = gain / (wide.sum() + groups**2), float(candidate)
        return threshold, self._pruned(scores, self._widened(scores >= threshold))

    def _widened(self, rows: Bools) -> Bools:
        """The given rows and `buffer` rows on both sides of each."""
        steps = np.zeros(len(rows) + 1, np.int64)
        at = np.flatnonzero(rows)
        np.add.at(steps, np.maximum(at - self.config.buffer, 0), 1)
        np.add.at(steps, np.minimum(at + self.config.buffer + 1, len(rows)), -1)
        return np.asarray(np.cumsum(steps[:-1]) > 0)

    def _pruned(self, scores: Floats, apart: Bools) -> Bools:
        """Prune groups hardly higher than the next lower one, except above a group that is kept."""
        groups = _runs(apart)
        if len(groups) == 0:
            return apart
        highest = np.array([scores[a:b].max() for a, b in groups])
        order = np.argsort(-highest, kind="stable")
        steps = np.append(highest[order], scores[~apart].max(initial=-np.inf))
        falls = np.flatnonzero((steps[:-1] - steps[1:]) / steps[:-1] >= self.config.prune)
        kept = apart.copy()
        for a, b in groups[order[(falls[-1] + 1) if len(falls) else 0 :]]:
            kept[a:b] = False
        return kept


def _runs(rows: Bools) -> Ints:
    """Begin and end of each run of True: [groups, 2]"""
    steps = np.diff(rows.astype(np.int8), prepend=0, append=0)
    return np.column_stack([np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)])
