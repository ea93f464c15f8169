"""Streaming detectors: they follow series value by value, with the results of a pass over the whole series."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from forecaster.detectors._views import Sight
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Follower", "Numbers"]


class Follower(ABC):
    """Follows series value by value, in memory that does not grow with their length.

    Series are numbered from 0; a number not used before is a new series, and the row is its first.
    Views equal those of the pass over all rows to within 1e-5.
    """

    @abstractmethod
    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        """Take one more row of some series. Shapes: [n] each; series ascending, NaN for a missing value"""

    def meet(self, series: int, name: str) -> None:  # noqa: B027, most detectors know no names
        """Tell the name of a new series, before its first row."""

    @abstractmethod
    def forget(self, series: Ints) -> None:
        """Reset some series: their next row counts as their first."""

    def begin(self, grid: Grid) -> None:
        """Go to the state after the last row of each series of a grid; they get the first numbers."""
        for row in range(int(grid.lengths.max())):
            # New series must be numbered consecutively, so all of them begin with the first row.
            series = np.flatnonzero(grid.lengths > row)
            self.step(series, grid.times(series, np.full(len(series), row)), grid.y[grid.offsets[series] + row])

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """The whole state: arrays by name, with the series as first axis."""

    @abstractmethod
    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over a `state`."""


class Numbers:
    """Named arrays with one entry per series; the entry of a new series is the blank one."""

    def __init__(self, **blank: Array) -> None:
        self._blank = blank
        self._held = {name: np.repeat(one[None], 0, axis=0) for name, one in blank.items()}
        self.series = 0

    def __getitem__(self, name: str) -> Array:
        return self._held[name][: self.series]

    def grow(self, series: int) -> None:
        """Make room for so many series; allocates twice what is needed, so that arrays are seldom copied."""
        if series > self.series:
            for name, held in self._held.items():
                if len(held) < series:
                    more = np.repeat(self._blank[name][None], 2 * series - len(held), axis=0)
                    self._held[name] = np.concatenate([held, more])
            self.series = series

    def forget(self, series: Ints) -> None:
        """Reset some series to the blank entry."""
        for name, blank in self._blank.items():
            self[name][series] = blank

    def state(self) -> dict[str, Array]:
        """The arrays by name."""
        return {name: self[name] for name in self._blank}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over a `state`; arrays that an older version did not save are blank."""
        self.series = len(next(state[name] for name in self._blank if name in state))
        self._held = {
            name: state[name].copy() if name in state else np.repeat(blank[None], self.series, axis=0)
            for name, blank in self._blank.items()
        }
