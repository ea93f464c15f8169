"""DSPOT: SPOT on the distance of scores from their recent mean, for scores that drift."""

from dataclasses import dataclass, fields

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds.base import Threshold
from forecaster.thresholds.spot import Spot

__all__ = ["Dspot"]


class Dspot(Threshold):
    """SPOT on scores minus the mean of the last normal ones, so that slow growth raises no alarm.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit, teach nothing and stay NaN
    Fails:   on anomalies that rise slowly: the mean rises with them
    Source:  Siffer et al. (2017), KDD, algorithm 3
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Spot.Config):
        depth: int = 50
        """Number of rows in the mean."""

        def __post_init__(self) -> None:
            Spot.Config.__post_init__(self)
            if self.depth < 1:
                raise ValueError("depth must be at least 1")

    config: Config

    def __init__(self, config: Threshold.Config, rate: float) -> None:
        super().__init__(config, rate)
        own = {field.name: getattr(config, field.name) for field in fields(Spot.Config)}
        self._spot = Spot(Spot.Config(**own), rate)

    def fit(self, scores: Floats) -> Floats:
        known = np.isfinite(scores)
        values = scores[known]
        depth = min(self.config.depth, max(1, len(values) // 4))
        sums = np.concatenate([[0.0], np.cumsum(values)])
        begins = np.maximum(np.arange(len(values)) - depth, 0)
        counts = np.arange(len(values)) - begins
        mean = (sums[:-1] - sums[begins]) / np.maximum(counts, 1)
        away = values - np.where(counts > 0, mean, values)
        self._last = values[-depth:].tolist()
        p = np.full(len(scores), np.nan)
        whole = counts == depth  # the mean of fewer rows is too uncertain to learn from
        self._spot.fit(away[whole])
        p[known] = self._spot.p_values(away)
        return p

    def p_values(self, scores: Floats) -> Floats:
        return self._spot.p_values(scores - self._mean())

    def follow(self, scores: Floats) -> Floats:
        p = np.empty(len(scores))
        for k, score in enumerate(scores.tolist()):
            p[k] = self._spot.judge(score - self._mean())
            if p[k] >= self.rate:  # neither an alarm nor missing
                self._last = [*self._last[1:], score]
        return p

    def _mean(self) -> float:
        return sum(self._last) / len(self._last) if self._last else 0.0
