"""Adaptive level: after too many strange rows of late, each row counts as less strange."""

import math
from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds.base import Threshold
from forecaster.thresholds.conformal_tail import ConformalTail

__all__ = ["AdaptiveLevel"]

_LEAST, _MOST = 1e-6, 0.5


class AdaptiveLevel(Threshold):
    """Conformal p-values, rescaled so that in the long run the share `level` of all rows has p-values below `level`.

    The level a(t) at which rows count as strange moves by log a(t + 1) = log a(t) + gain (level - 1{p(t) <= a(t)}).
    P-values are those of `conformal_tail` to the power log level / log a(t). This maps a(t) to `level`, and is exact if
    exponentially distributed errors have grown by a factor. The level a(t) is kept when the ranks are fitted anew.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit, teach nothing and stay NaN
    Fails:   after long anomalies, which it takes for a lasting change: p-values are too high for some time
    Source:  Gibbs and Candes (2021), NeurIPS, equation 2; applied to the logarithm, so that levels stay positive
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ConformalTail.Config):
        level: float = 0.02
        """Target share of rows, in (0, 0.5): far above the rate of alarms, so that there are enough rows to count."""
        gain: float = 0.1
        """How far a row moves the logarithm of the level, in (0, 1)."""

        def __post_init__(self) -> None:
            ConformalTail.Config.__post_init__(self)
            if not 0 < self.level < _MOST or not 0 < self.gain < 1:
                raise ValueError("level must be in (0, 0.5), gain in (0, 1)")

    config: Config

    def __init__(self, config: "AdaptiveLevel.Config", rate: float) -> None:
        super().__init__(config, rate)
        self._ranked = ConformalTail(config, rate)
        self.carried = config.level
        self._level: float | None = None

    def fit(self, scores: Floats) -> Floats:
        self.carried = self._level = self.carried if self._level is None else self._level
        self._ranked.fit(scores)
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        return np.maximum(self._ranked.p_values(scores) ** self._power(), 1e-300)

    def follow(self, scores: Floats) -> Floats:
        assert self._level is not None, "it was fitted"
        found, aim = self._ranked.p_values(scores), self.config.level
        for k in np.flatnonzero(~np.isnan(found)):
            p, level = float(found[k]), self._level
            found[k] = max(p ** self._power(), 1e-300)
            moved = level * math.exp(self.config.gain * (aim - (p <= level)))
            self._level = min(max(moved, _LEAST), _MOST)
        return found

    def _power(self) -> float:
        assert self._level is not None, "it was fitted"
        return math.log(self.config.level) / math.log(self._level)
