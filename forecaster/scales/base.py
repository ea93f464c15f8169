"""The contract of a scale: the units of a series at every row, from what was known at that row."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from forecaster.series.grid import Bools, Floats

__all__ = ["LEAST", "Linear", "Scale"]

LEAST = 1e-40
"""Least spread or level; so small that forecasts of values down to 1e-30 do not depend on their unit."""


class Scale(ABC):
    """Causal scaling: a level and a spread at every row, and the transform into these units and back.

    Values after a row change nothing at that row. `inverse` undoes `forward` and keeps order, so quantiles stay
    quantiles.
    """

    fixed_zero: ClassVar[str] = ""
    """Why zero is special for this scale; empty if adding a constant to a series just adds it to the level."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def measure(self, y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
        """Level and spread at every row of packed series.

        Shapes:  [N] values, [N] mask, [N] first row of each row's series -> [N], [N] float64
        Units:   those of y; the spread is positive
        Missing: `y_N` is filled from the past and finite; `seen_N` is False for a filled value
        """

    @property
    def reach(self) -> int | None:
        """Number of last rows that `newest` needs; None for a scale without a streaming form."""
        return None

    def usual(self, y: Floats, before: Floats, seen: Bools, seen_before: Bools) -> tuple[Floats, Bools]:
        """The quantity averaged over all the past, from each row and the one before, and if it counts; elementwise."""
        raise NotImplementedError

    def newest(self, y_BR: Floats, seen_BR: Bools, usual_B: Floats) -> tuple[Floats, Floats]:
        """The result of `measure` at the last of some rows, given the mean of `usual` over all the past: [B], [B]"""
        raise NotImplementedError

    @abstractmethod
    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """From values to units (elementwise, all of one shape)."""

    @abstractmethod
    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """From units to values (elementwise, all of one shape)."""


class Linear(Scale):
    """Distance from the level, in spreads. Members define `measure`."""

    def forward(self, y: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return (y - level) / spread

    def inverse(self, z: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        return level + z * spread
