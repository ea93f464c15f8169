"""A floor of 0 under the forecasts of series that have never been negative and often were 0: counts, rain, solar power.

Such a series is 0, or at least as large as its least positive value: what is nearer to 0 than to that is 0. A distribution
that is spread over the gap between them would hardly ever have the zeros inside its intervals.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["Floor", "Floors", "raised"]

_LEAST = 3
_SHARE = 0.02
"""Least number of zeros, and their least share of the values seen, that make 0 a floor and not a chance low."""


def raised(values: Floats, half: Floats) -> Floats:
    """Values of forecasts, 0 where they are below `half`. Shapes: values [n, ...], half [n], NaN where no floor holds"""
    if np.isnan(half).all():
        return values
    return np.where(values < half.reshape(-1, *(1,) * (values.ndim - 1)), 0.0, values)


def _holds(zeros: Ints, negatives: Ints, seen: Ints) -> Bools:
    holds: Bools = (negatives == 0) & (zeros >= np.maximum(_LEAST, _SHARE * seen))
    return holds


def _half(holds: Bools, least: Floats) -> Floats:
    """Half of the least positive values where the floor holds, NaN elsewhere; 0 where nothing was positive."""
    return np.where(holds, np.where(np.isinf(least), 0.0, least / 2), np.nan)


def _positive(values: Floats) -> Floats:
    """The values above 0, infinity in place of others and of missing ones."""
    return np.where(values > 0, values, np.inf)


@dataclass(frozen=True)
class Floors:
    """Below what forecasts of the series of a grid are 0, at each row by that row and the earlier ones.

    Shapes: offsets of the series [S + 1], halves [N]
    """

    offsets: Ints
    halves: Floats | None
    """Half of the least positive value so far, NaN where no floor holds; None if it holds nowhere, as in most tables."""

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

        holds = _holds(so_far(grid.y == 0), so_far(grid.y < 0), so_far(~np.isnan(grid.y)))
        least = _positive(grid.y)
        for s in np.flatnonzero(np.logical_or.reduceat(holds, begins)):
            own = least[begins[s] : begins[s] + lengths[s]]
            np.minimum.accumulate(own, out=own)
        return cls(grid.offsets, _half(holds, least))

    def half(self, series: Ints, cutoffs: Ints) -> Floats:
        """Below what forecasts from some cutoffs are 0. Shapes: series, cutoffs (positions) [n] -> [n]"""
        return np.full(len(series), np.nan) if self.halves is None else self.halves[self.offsets[series] + cutoffs]


@dataclass
class Floor:
    """The same row by row, from three counts and the least positive value of each series, [B] each."""

    zeros_B: Ints
    negatives_B: Ints
    seen_B: Ints
    least_B: Floats

    @classmethod
    def none(cls, series: int) -> "Floor":
        """Before the first row."""
        zeros, negatives, seen = np.zeros((3, series), np.int64)
        return cls(zeros, negatives, seen, np.full(series, np.inf))

    @classmethod
    def after(cls, grid: Grid) -> "Floor":
        """After the last row of each series."""
        begins = grid.offsets[:-1]
        marked = grid.y == 0, grid.y < 0, ~np.isnan(grid.y)
        zeros, negatives, seen = (np.add.reduceat(one, begins, dtype=np.int64) for one in marked)
        return cls(zeros, negatives, seen, np.minimum.reduceat(_positive(grid.y), begins))

    @classmethod
    def of(cls, state: Mapping[str, Any], series: int) -> "Floor":
        """As it was kept; of a state kept by a version without all of it, from here on."""
        return cls(**state) if {field.name for field in fields(cls)} == set(state) else cls.none(series)

    def take(self, values_B: Floats) -> None:
        """Count one more value of each series, NaN where it is missing."""
        self.zeros_B = self.zeros_B + (values_B == 0)
        self.negatives_B = self.negatives_B + (values_B < 0)
        self.seen_B = self.seen_B + ~np.isnan(values_B)
        self.least_B = np.minimum(self.least_B, _positive(values_B))

    def half(self) -> Floats:
        """Below what forecasts after the newest row are 0, [B]"""
        return _half(_holds(self.zeros_B, self.negatives_B, self.seen_B), self.least_B)
