"""Trailing level, and a spread between the recent one and that of all the past."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean
from forecaster.scales._spread import latest_mean, latest_move, moves, tiny
from forecaster.scales.base import Linear
from forecaster.series.grid import Bools, Floats

__all__ = ["Reverting"]

_FLOOR = 0.04
"""Least share of late steps in those of all the past: their geometric mean is then a fifth of it."""


class Reverting(Linear):
    """Distance from the mean of the last values, in the geometric mean of recent and all past mean absolute steps.

    Volatile and quiet times both end: the size of coming steps is between that of recent steps and that of all past
    ones. Half-way in logarithms is what fits exchange rates.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: unseen values count for nothing; a step from or to one is no step
    Fails:   if a series has changed for good: all of its past still has half of the weight
    Source:  volatility goes back to its mean, Engle and Patton (2001), Quantitative Finance 1(2); the half is measured in
        docs/experiments.md
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        level_steps: int = 24
        """Values in the level's mean, at least 1."""
        late_steps: int = 40
        """Number of last steps that count as recent, at least 1."""

        def __post_init__(self) -> None:
            if self.level_steps < 1 or self.late_steps < 1:
                raise ValueError("level_steps and late_steps must be at least 1")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        level_N = trailing_mean(y_N, seen_N, starts_N, self.config.level_steps)
        moved_N, known_N = moves(y_N, seen_N, starts_N)
        late_N = trailing_mean(moved_N, known_N, starts_N, self.config.late_steps)
        usual_N = expanding_mean(moved_N, known_N, starts_N)
        return level_N, (torch.maximum(late_N, _FLOOR * usual_N) * usual_N).sqrt() + tiny(level_N)

    @property
    def reach(self) -> int:
        return max(self.config.level_steps, self.config.late_steps + 1)

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        return np.abs(y - before), seen & seen_before

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        level_B = latest_mean(y_BR, seen_BR, self.config.level_steps)
        late_B = latest_move(y_BR, seen_BR, self.config.late_steps)
        between_B = np.sqrt(np.maximum(late_B, _FLOOR * usual_B) * usual_B)
        return level_B, between_B + tiny(level_B)
