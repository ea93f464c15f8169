"""Conformal ranks with a generalised-Pareto tail."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds.base import Threshold

__all__ = ["ConformalTail"]

_FEWEST = 8
"""Scores below which no tail is fitted: the rank alone speaks."""
_SAME = 1e-4
"""Scores so near each other count as equal, in parts of themselves and of a usual one: a pass and its steps round alike."""


class ConformalTail(Threshold):
    """Rank among the normal scores, and beyond the highest of them a generalised-Pareto tail.

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
        """Heaviest tail: a larger shape has no variance."""
        least: float = 0.001
        """Least scale of the tail, in units of the scores: after nothing but zeros all else is strange, but not all alike."""

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

    def fit(self, scores: Floats) -> None:
        self.sorted = np.sort(scores[np.isfinite(scores)])
        self.usual = float(np.median(np.abs(self.sorted))) if len(self.sorted) else 0.0
        count = int(np.clip(len(self.sorted) * self.config.tail_share, _FEWEST, self.config.tail_most))
        self.tail_count = count if len(self.sorted) > 2 * count else 0
        if self.tail_count:
            self.start = float(self.sorted[-count - 1])
            scale, self.shape = _pareto(self.sorted[-count:] - self.start, self.config.shape_most)
            self.scale = max(scale, self.config.least)

    def p_values(self, scores: Floats) -> Floats:
        n = len(self.sorted)
        if n == 0:
            return np.where(np.isnan(scores), np.nan, 1.0)
        least = scores - _SAME * (np.abs(scores) + self.usual)
        above = n - np.searchsorted(self.sorted, least, side="left")
        p = (1.0 + above) / (n + 1.0)
        if self.tail_count:
            excess = np.maximum(scores - self.start, 0.0) / self.scale
            tail = np.exp(-excess) if self.shape < 1e-9 else (1 + self.shape * excess) ** (-1 / self.shape)
            p = np.where(least > self.start, (self.tail_count + 1) / (n + 1) * tail, p)
        return np.where(np.isnan(scores), np.nan, np.clip(p, 1e-300, 1.0))


def _pareto(excesses: Floats, shape_most: float) -> tuple[float, float]:
    """Scale and shape by probability-weighted moments; the shape is held between exponential and heavy."""
    ranked = np.sort(excesses)
    n = len(ranked)
    first = float(ranked.mean())
    second = float((ranked * (n - np.arange(1, n + 1)) / (n - 1)).mean())
    if first <= 0 or first - 2 * second <= 0:
        return first, 0.0
    shape = float(np.clip(2 - first / (first - 2 * second), 0.0, shape_most))
    return first * (1 - shape), shape
