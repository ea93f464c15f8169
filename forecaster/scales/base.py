"""The contract of a scale: units of a series at every row, from what was known there."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from forecaster.series.grid import Bools, Floats

__all__ = ["LEAST", "Linear", "Scale"]

LEAST = 1e-40
"""Of a spread or a level: forecasts of values down to 1e-30 do not depend on the unit that these are counted in."""


class Scale(ABC):
    """Causal units: a level and a spread at every row, and the way into them and back.

    A change of a value after a row changes nothing at that row. `inverse` undoes `forward` and keeps
    order, so quantiles stay quantiles.
    """

    fixed_zero: ClassVar[str] = ""
    """Why zero is more than a place on the axis; empty where a series moved by a constant has units moved with it."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        """Level and spread at every row of packed series.

        Shapes: [N] values, [N] mask, [N] first row of each row's series -> [N], [N] float64
        """

    @property
    def reach(self) -> int | None:
        """Rows that `newest` looks back on; None for a scale that has no form for one value at a time."""
        return None

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        """What is averaged over all the past, and whether it counts, from each row and the one before; elementwise."""
        raise NotImplementedError

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        """What `measure` gives at the last of some rows, with the mean of `usual` over all the past: [B], [B]"""
        raise NotImplementedError

    @abstractmethod
    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Values in units (elementwise, any one shape)."""

    @abstractmethod
    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Units in values (elementwise, any one shape)."""


class Linear(Scale):
    """Distance from the level, in spreads. Members give `measure`."""

    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return (y - level) / spread

    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return level + z * spread
