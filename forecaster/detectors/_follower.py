"""A detector following series value by value: of each row what a pass over the whole series would say."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np

from forecaster.detectors._views import Sight
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Follower", "Numbers"]


class Follower(ABC):
    """Series followed value by value, in memory that does not grow with their length.

    Series are numbered from 0 on; a number that was not stepped before is a new series, whose first row this is.
    Views equal those of the pass over all rows to 1e-5.
    """

    @abstractmethod
    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        """One more row of some series. Shapes: [n] each; series rise, values are NaN where they are missing"""

    def meet(self, series: int, name: str) -> None:  # noqa: B027, most detectors know no names
        """What the next new series is called, before its first row."""

    @abstractmethod
    def forget(self, series: Ints) -> None:
        """Let the next row of some series be their first."""

    def begin(self, grid: Grid) -> None:
        """Stand after the last row of each series of a grid, which are the first series."""
        for row in range(int(grid.lengths.max())):
            # New series have numbers that follow, so all of them begin with the first row.
            series = np.flatnonzero(grid.lengths > row)
            self.step(series, grid.times(series, np.full(len(series), row)), grid.y[grid.offsets[series] + row])

    @abstractmethod
    def state(self) -> dict[str, Array]:
        """All that is remembered, by name, series first."""

    @abstractmethod
    def restore(self, state: Mapping[str, Array]) -> None:
        """Remember a `state`."""


class Numbers:
    """Arrays with one entry a series, for new series the blank one."""

    def __init__(self, **blank: Array) -> None:
        self._blank = blank
        self._held = {name: np.repeat(one[None], 0, axis=0) for name, one in blank.items()}
        self.series = 0

    def __getitem__(self, name: str) -> Array:
        return self._held[name][: self.series]

    def grow(self, series: int) -> None:
        """Room for so many series; twice what is needed, so that series which join one by one are copied seldom."""
        if series > self.series:
            for name, held in self._held.items():
                if len(held) < series:
                    more = np.repeat(self._blank[name][None], 2 * series - len(held), axis=0)
                    self._held[name] = np.concatenate([held, more])
            self.series = series

    def forget(self, series: Ints) -> None:
        """Make them new."""
        for name, blank in self._blank.items():
            self[name][series] = blank

    def state(self) -> dict[str, Array]:
        """Each array."""
        return {name: self[name] for name in self._blank}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take the arrays of a `state`; what was not remembered yet when it was stored is blank."""
        self.series = len(next(state[name] for name in self._blank if name in state))
        self._held = {
            name: state[name].copy() if name in state else np.repeat(blank[None], self.series, axis=0)
            for name, blank in self._blank.items()
        }
