"""A floor of 0 under the forecasts of series that have never been negative and often were 0: counts, rain, solar power."""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["Floor", "Floors", "raised"]

Numbers = TypeVar("Numbers", Tensor, Floats)

_LEAST = 3
_SHARE = 0.02
"""Least number of zeros, and their least share of the values seen, that make 0 a floor and not a chance low."""


def raised(values: Numbers, above: Bools) -> Numbers:
    """Values of forecasts, none below 0 where the floor holds. Shapes: values [n, ...], above [n]"""
    if not above.any():
        return values
    least = np.where(above, 0.0, -np.inf).reshape(-1, *(1,) * (values.ndim - 1))
    if isinstance(values, Tensor):
        return torch.maximum(values, torch.as_tensor(least).to(values))
    return np.maximum(values, least)


def _holds(zeros: Ints, negatives: Ints, seen: Ints) -> Bools:
    holds: Bools = (negatives == 0) & (zeros >= np.maximum(_LEAST, _SHARE * seen))
    return holds


@dataclass(frozen=True)
class Floors:
    """Where the floor holds in the series of a grid, at each row by that row and the earlier ones.

    Shapes: offsets of the series [S + 1], holds [N]
    """

    offsets: Ints
    holds: Bools | None
    """None if it holds nowhere, as in most tables, which then cost one look."""

    @classmethod
    def of(cls, grid: Grid) -> "Floors":
        """From all rows of a grid."""
        begins, lengths = grid.offsets[:-1], grid.lengths
        if np.count_nonzero(grid.y == 0) < _LEAST:
            return cls(grid.offsets, None)

        def so_far(marked: Bools) -> Ints:
            total = np.cumsum(marked, dtype=np.int32)
            before = total[begins] - marked[begins]
            return np.asarray(total - np.repeat(before, lengths))

        return cls(grid.offsets, _holds(so_far(grid.y == 0), so_far(grid.y < 0), so_far(~np.isnan(grid.y))))

    def above(self, series: Ints, cutoffs: Ints) -> Bools:
        """Whether it holds at some cutoffs. Shapes: series, cutoffs (positions) [n] -> [n]"""
        return np.zeros(len(series), bool) if self.holds is None else self.holds[self.offsets[series] + cutoffs]


@dataclass
class Floor:
    """The same row by row, from three counts of each series, [B] each."""

    zeros_B: Ints
    negatives_B: Ints
    seen_B: Ints

    @classmethod
    def none(cls, series: int) -> "Floor":
        """The counts before the first row."""
        return cls(*np.zeros((3, series), np.int64))

    @classmethod
    def after(cls, grid: Grid) -> "Floor":
        """The counts after the last row of each series."""
        begins = grid.offsets[:-1]
        marked = grid.y == 0, grid.y < 0, ~np.isnan(grid.y)
        return cls(*(np.add.reduceat(one, begins, dtype=np.int64) for one in marked))

    def take(self, values_B: Floats) -> None:
        """Count one more value of each series, NaN where it is missing."""
        self.zeros_B = self.zeros_B + (values_B == 0)
        self.negatives_B = self.negatives_B + (values_B < 0)
        self.seen_B = self.seen_B + ~np.isnan(values_B)

    def above(self) -> Bools:
        """Whether the floor holds after the newest row, [B]"""
        return _holds(self.zeros_B, self.negatives_B, self.seen_B)
