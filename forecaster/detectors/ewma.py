"""Distance from an exponentially weighted mean."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.detectors.base import Pointwise, Views
from forecaster.series.grid import Floats, Grid

__all__ = ["Ewma"]

_FEWEST = 10
"""Values before there is a deviation."""


class Ewma(Pointwise):
    """Distance from the exponentially weighted mean of the past, in exponentially weighted deviations.

    Shapes:  y [time] -> [time]
    Units:   none
    Missing: NaN scores NaN and does not move the mean; so do the first values, before a deviation is known
    Fails:   on trends and seasons; take the residual of a forecast there
    Source:  Roberts (1959), Technometrics 1(3)
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Pointwise.Config):
        alpha: float = 0.05
        """Weight of the newest value, in (0, 1]."""

        def __post_init__(self) -> None:
            if not 0 < self.alpha <= 1:
                raise ValueError(f"alpha must be in (0, 1], got {self.alpha}")

    config: Config

    def score(self, y_T: Floats) -> Floats:
        mean_T, deviation_T = self._past(y_T)
        return (y_T - mean_T) / deviation_T

    def views(self, grid: Grid) -> Views:
        means, deviations = zip(*(self._past(grid.values(s)) for s in range(grid.series)), strict=True)
        mean_N, deviation_N = np.concatenate(means), np.concatenate(deviations)
        score_N = (grid.y - mean_N) / deviation_N
        band_N = 1.96 * deviation_N
        return Views(np.abs(score_N)[:, None], mean_N, mean_N - band_N, mean_N + band_N, np.sign(score_N))

    def _past(self, y_T: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of what came before each value."""
        past = pd.Series(y_T).shift(1)
        mean_T = past.ewm(alpha=self.config.alpha).mean().ffill()
        size = (past - mean_T.shift(1)).abs().ewm(alpha=self.config.alpha, min_periods=_FEWEST).mean().ffill()
        # A flat past has no deviation: any move is then as far as a millionth of the level is small.
        least = 1e-6 * mean_T.abs() + 1e-12
        deviation_T = np.maximum(1.25 * size.to_numpy(float), least.to_numpy(float))
        return mean_T.to_numpy(float), deviation_T
