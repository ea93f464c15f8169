"""Logarithms of positive values."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean
from forecaster.scales._spread import before, floored_mean
from forecaster.scales.base import LEAST, Scale

__all__ = ["Log"]

_FURTHEST = 50.0
"""The inverse is clipped here: e^50 levels are 10^21."""


class Log(Scale):
    """The logarithm of value / level, in mean absolute steps of logarithms: for growth and multiplicative seasons.

    Below a small part of the level the transform continues as a straight line of the same slope, so that zeros and
    negative values are allowed and the inverse is exact. Forecasts of positive series stay positive down to there.

    Shapes:  [N] -> [N], [N]
    Units:   level (root mean square) and spread (of a usual step of the logarithm at the level) in those of y; the
        result has none
    Missing: unseen values count for nothing; a step from or to one is no step
    Fails:   if values are often zero or negative: the transform is steep there, and such steps set the spread; take
        asinh
    Source:  Box and Cox (1964), JRSS B 26(2), with lambda = 0
    """

    fixed_zero: ClassVar[str] = "a logarithm counts from zero: of 100 it is another than of 1,000,100"

    @dataclass(frozen=True, kw_only=True)
    class Config(Scale.Config):
        level_steps: int = 24
        """Values in the level, at least 1."""
        spread_steps: int = 168
        """Steps in the spread's mean, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean step of all the past."""
        straight: float = 0.01
        """Part of the level below which the map is linear, in (0, 1); no level is a smaller part of the past's."""

        def __post_init__(self) -> None:
            if self.level_steps < 1 or self.spread_steps < 1 or self.floor < 0:
                raise ValueError("level_steps and spread_steps must be at least 1, floor at least 0")
            if not 0 < self.straight < 1:
                raise ValueError(f"straight must be in (0, 1), got {self.straight}")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        level_N = self._level(y_N, seen_N, starts_N)
        before_N, known_N = before(y_N, seen_N, starts_N)
        moved_N = (self._log(y_N / level_N) - self._log(before_N / level_N)).abs()
        usual_N = floored_mean(moved_N, known_N, starts_N, self.config.spread_steps, self.config.floor)
        return level_N, level_N * (usual_N + 1e-9)

    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return self._log(y / level) * (level / spread)

    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return level * self._exp(z * (spread / level))

    def _level(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> Tensor:
        size_N = trailing_mean(y_N.square(), seen_N, starts_N, self.config.level_steps).sqrt()
        least_N = self.config.straight * expanding_mean(y_N.abs(), seen_N, starts_N)
        return torch.maximum(size_N, least_N) + LEAST

    def _log(self, part: Tensor) -> Tensor:
        least = self.config.straight
        return torch.where(part > least, part.clamp(min=least).log(), math.log(least) - 1 + part / least)

    def _exp(self, log: Tensor) -> Tensor:
        least = self.config.straight
        straight = least * (1 + log - math.log(least))
        return torch.where(log > math.log(least), log.clamp(max=_FURTHEST).exp(), straight)
