"""Trailing level and spread with an asinh transform, which compresses far values."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.scales.base import Scale
from forecaster.scales.trailing import Trailing
from forecaster.series.grid import Bools, Floats

__all__ = ["Asinh"]

_FURTHEST = 50.0
"""The inverse is clipped here: sinh(50) spreads are 10^21."""


class Asinh(Scale):
    """The distance d of `trailing`, transformed to b asinh(d / b): linear near the level, logarithmic far from it.

    Shapes:  [N] -> [N], [N]
    Units:   level and spread in those of y; the result has none
    Missing: unseen values count for nothing
    Fails:   if a season swings far beyond b spreads: errors at its peaks count less than those near the level
    Source:  Burbidge, Magee and Robb (1988), JASA 83(401), equation 2.1
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Trailing.Config):
        bend: float = 3.0
        """Distance b, in spreads, from which the transform becomes logarithmic; above 0."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.bend <= 0:
                raise ValueError(f"bend must be positive, got {self.bend}")

    config: Config

    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        return Trailing(self.config).measure(y_N, seen_N, starts_N)

    @property
    def reach(self) -> int:
        return Trailing(self.config).reach

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        return Trailing(self.config).usual(y, before, seen, seen_before)

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        return Trailing(self.config).newest(y_BR, seen_BR, usual_B)

    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return self.config.bend * torch.asinh((y - level) / (self.config.bend * spread))

    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        near = (z / self.config.bend).clamp(-_FURTHEST, _FURTHEST)
        return level + self.config.bend * spread * torch.sinh(near)
