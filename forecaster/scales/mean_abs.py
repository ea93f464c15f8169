"""Values relative to their usual absolute size."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from forecaster.scales._spread import floored_mean, latest_mean, tiny
from forecaster.scales.base import Linear
from forecaster.series.grid import Bools, Floats

__all__ = ["MeanAbs"]


class MeanAbs(Linear):
    """Values divided by the mean of the last absolute values: nothing is subtracted, so a true zero stays zero.

    Shapes:  [N] -> [N], [N]
    Units:   the spread in those of y, the level is 0; the result has none
    Missing: unseen values count for nothing
    Fails:   on a level far from zero, as all values are then nearly 1; before the first value other than 0, as there is
        no size yet
    Source:  Salinas et al. (2020), IJF 36(3), section 3.3
    """

    fixed_zero: ClassVar[str] = "a size is a distance from zero: demand, rain, power"

    @dataclass(frozen=True, kw_only=True)
    class Config(Linear.Config):
        spread_steps: int = 168
        """Values in the mean, at least 1."""
        floor: float = 0.2
        """Least spread, as a part of the mean size of all the past."""

        def __post_init__(self) -> None:
            if self.spread_steps < 1 or self.floor < 0:
                raise ValueError("spread_steps must be at least 1, floor at least 0")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        level_N = torch.zeros_like(y_N)
        size_N = floored_mean(y_N.abs(), seen_N, starts_N, self.config.spread_steps, self.config.floor)
        return level_N, size_N + tiny(level_N)

    @property
    def reach(self) -> int:
        return self.config.spread_steps

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        return np.abs(y), seen

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        level_B = np.zeros_like(usual_B)
        size_B = latest_mean(np.abs(y_BR), seen_BR, self.config.spread_steps)
        return level_B, np.maximum(size_B, self.config.floor * usual_B) + tiny(level_B)
