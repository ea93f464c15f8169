"""The last value, and the usual step from one value to the next."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.layers.running import last_seen
from forecaster.scales._spread import floored_mean, moves, tiny
from forecaster.scales.base import Linear

__all__ = ["LastValue"]


class LastValue(Linear):
    """Distance from the last value, in mean absolute steps from one value to the next.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: the level is the last value that was seen; a step from or to a missing one is no step
    Fails:   on noisy series: the noise of the newest value shifts all lags
    Source:  the level is NLinear's, Zeng et al. (2023), AAAI
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        spread_steps: int = 168
        """Steps in the spread's mean, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean step of all the past."""

        def __post_init__(self) -> None:
            if self.spread_steps < 1 or self.floor < 0:
                raise ValueError("spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        last_N = last_seen(seen_N, starts_N)
        level_N = torch.where(last_N >= 0, y_N[last_N.clamp(min=0)], 0.0)
        moved_N, known_N = moves(y_N, seen_N, starts_N)
        usual_N = floored_mean(moved_N, known_N, starts_N, self.config.spread_steps, self.config.floor)
        return level_N, usual_N + tiny(level_N)
