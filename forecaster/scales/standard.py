"""Trailing mean and standard deviation."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean
from forecaster.scales._spread import moves, tiny
from forecaster.scales._windows import trailing_deviation
from forecaster.scales.base import Linear

__all__ = ["Standard"]


class Standard(Linear):
    """Distance from the mean of the window, in its standard deviations.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: unseen values count for nothing
    Fails:   on trends and random walks: the deviation measures the way covered, which is large relative to the next
        steps; and one outlier widens the spread for a whole window
    Source:  the statistics of RevIN, Kim et al. (2022), ICLR, without its two learned numbers
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        spread_steps: int = 168
        """Values in mean and deviation, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean step of all the past."""

        def __post_init__(self) -> None:
            if self.spread_steps < 1 or self.floor < 0:
                raise ValueError("spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        level_N = trailing_mean(y_N, seen_N, starts_N, self.config.spread_steps)
        spread_N = trailing_deviation(y_N, seen_N, starts_N, level_N, self.config.spread_steps)
        least_N = self.config.floor * expanding_mean(*moves(y_N, seen_N, starts_N), starts_N)
        return level_N, torch.maximum(spread_N, least_N) + tiny(level_N)
