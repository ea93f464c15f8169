"""Trailing level and spread."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean
from forecaster.scales.base import Scale

__all__ = ["Trailing"]


class Trailing(Scale):
    """Distance from the mean of the last values, in mean absolute steps from one value to the next.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: unseen values count for nothing; a step from or to one is no step
    Fails:   where nothing has moved yet the spread is a billionth of the level: forecasts stay at the level
    Source:  the idea of a causal local scale is Smyl's (2020), IJF 36(1); its form is chosen in
        docs/experiments.md
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Scale.Config):
        level_steps: int = 24
        """Values in the level's mean, at least 1."""
        spread_steps: int = 168
        """Steps in the spread's mean, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean step of all the past: a quiet spell is no new scale."""

        def __post_init__(self) -> None:
            if self.level_steps < 1 or self.spread_steps < 1 or self.floor < 0:
                raise ValueError("level_steps and spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        level_N = trailing_mean(y_N, seen_N, starts_N, self.config.level_steps)
        moved_N, known_N = _moves(y_N, seen_N, starts_N)
        spread_N = trailing_mean(moved_N, known_N, starts_N, self.config.spread_steps)
        least_N = self.config.floor * expanding_mean(moved_N, known_N, starts_N)
        tiny_N = 1e-9 * level_N.abs() + 1e-12
        return level_N, torch.maximum(spread_N, least_N) + tiny_N

    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return (y - level) / spread

    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return level + z * spread


def _moves(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute steps between neighbours of one series, and where both are seen."""
    before_N, before_seen_N = y_N.roll(1), seen_N.roll(1)
    inside_N = torch.arange(len(y_N), device=y_N.device) > starts_N
    return (y_N - before_N).abs(), seen_N & before_seen_N & inside_N
