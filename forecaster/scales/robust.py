"""Trailing median and interquartile range."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean
from forecaster.scales._spread import moves, tiny
from forecaster.scales._windows import trailing_quantile
from forecaster.scales.base import Linear

__all__ = ["Robust"]

_NORMAL_RANGE = 1.349
"""Interquartile range of a standard normal distribution."""


class Robust(Linear):
    """Distance from the median of the last values, in their interquartile range: an outlier moves neither.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y, the spread that of a normal distribution with this range; the result has none
    Missing: unseen values count for nothing
    Fails:   if most values are the same: the range is 0 and the floor is the spread; after a jump: the level follows
        half a window later
    Source:  Huber and Ronchetti (2009), Robust Statistics, section 5.1
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        level_steps: int = 24
        """Values in the median, at least 1."""
        spread_steps: int = 168
        """Values in the range, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean step of all the past."""

        def __post_init__(self) -> None:
            if self.level_steps < 1 or self.spread_steps < 1 or self.floor < 0:
                raise ValueError("level_steps and spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        packed = (y_N, seen_N, starts_N)
        level_N = trailing_quantile(*packed, self.config.level_steps, 0.5)
        low_N, high_N = (trailing_quantile(*packed, self.config.spread_steps, part) for part in (0.25, 0.75))
        least_N = self.config.floor * expanding_mean(*moves(*packed), starts_N)
        return level_N, torch.maximum((high_N - low_N) / _NORMAL_RANGE, least_N) + tiny(level_N)
