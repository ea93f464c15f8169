"""Differences from the last value, relative to its usual relative change."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, last_seen
from forecaster.scales._spread import before, floored_mean, tiny
from forecaster.scales.base import Linear

__all__ = ["Returns"]

_LEAST_SIZE = 0.01
"""A last value below this part of the past's mean size counts as that large."""


class Returns(Linear):
    """Distance from the last value, in the mean relative change of the past times that value.

    A change is relative to the larger of the two values, so that it is at most 2 whatever the signs.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: the level is the last value that was seen; a change from or to a missing one is no change
    Fails:   if values come near 0 or change sign, as the spread is then tiny: use it for prices, not for their
        differences, temperatures or counts
    Source:  the relative change is Tsay (2010), Analysis of Financial Time Series, equation 1.1
    """

    fixed_zero: ClassVar[str] = "a change is relative to the value: of 100 it is another than of 1,000,100"

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        spread_steps: int = 168
        """Changes in the spread's mean, at least 1."""
        floor: float = 0.2
        """Least relative change, as a part of the mean of all the past."""

        def __post_init__(self) -> None:
            if self.spread_steps < 1 or self.floor < 0:
                raise ValueError("spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        last_N = last_seen(seen_N, starts_N)
        level_N = torch.where(last_N >= 0, y_N[last_N.clamp(min=0)], 0.0)
        before_N, known_N = before(y_N, seen_N, starts_N)
        larger_N = torch.maximum(y_N.abs(), before_N.abs())
        change_N = torch.where(larger_N > 0, (y_N - before_N).abs() / larger_N, 0.0)
        usual_N = floored_mean(change_N, known_N, starts_N, self.config.spread_steps, self.config.floor)
        least_N = _LEAST_SIZE * expanding_mean(y_N.abs(), seen_N, starts_N)
        return level_N, usual_N * torch.maximum(level_N.abs(), least_N) + tiny(level_N)
