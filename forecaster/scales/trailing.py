"""Trailing level and spread."""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from forecaster.layers.running import trailing_mean
from forecaster.scales._spread import floored_mean, latest_mean, latest_move, moves, tiny
from forecaster.scales.base import Linear
from forecaster.series.grid import Bools, Floats

__all__ = ["Trailing"]


class Trailing(Linear):
    """Distance from the mean of the last values, in mean absolute steps from one value to the next.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: unseen values count for nothing; a step from or to one is no step
    Fails:   if nothing has moved yet: the spread is a billionth of the level, and forecasts stay at the level
    Source:  the idea of a causal local scale is Smyl's (2020), IJF 36(1); its form is chosen in
        docs/experiments.md
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
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
        moved_N, known_N = moves(y_N, seen_N, starts_N)
        usual_N = floored_mean(moved_N, known_N, starts_N, self.config.spread_steps, self.config.floor)
        return level_N, usual_N + tiny(level_N)

    @property
    def reach(self) -> int:
        return max(self.config.level_steps, self.config.spread_steps + 1)

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        return np.abs(y - before), seen & seen_before

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        level_B = latest_mean(y_BR, seen_BR, self.config.level_steps)
        moved_B = latest_move(y_BR, seen_BR, self.config.spread_steps)
        return level_B, np.maximum(moved_B, self.config.floor * usual_B) + tiny(level_B)
