"""Series on one step: the only form of series inside the project."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster import columns
from forecaster.series.clock import Clock
from forecaster.series.frequency import Frequency, Ints

__all__ = ["Array", "Bools", "Float32s", "Floats", "Grid", "Labels", "Objects"]

Array = npt.NDArray[Any]
Bools = npt.NDArray[np.bool_]
Float32s = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]
Labels = tuple[tuple[str, ...], ...]
"""For each static column, the texts that its numbers stand for; empty for a column of numbers."""


@dataclass(frozen=True)
class Grid:
    """Series of one step, concatenated in flat arrays, gaps filled with NaN.

    Shapes:  S series, N grid rows in all, M covariate rows (a series' rows and those beyond its end)
    Units:   `starts` are int64 times of `clock`; positions count steps from a series' start
    Missing: NaN everywhere
    """

    frequency: Frequency
    clock: Clock
    unique_id: Objects
    channel: Objects | None
    starts: Ints
    offsets: Ints
    """[S + 1]: series s is rows offsets[s] to offsets[s + 1]."""
    y: Floats
    covariate_starts: Ints
    """[S]: first row of series s in `past` and `future`; channels of one series share theirs."""
    covariate_lengths: Ints
    past: Floats
    """[M, P]"""
    future: Floats
    """[M, F]"""
    static: Floats
    """[S, K]"""
    past_names: tuple[str, ...] = ()
    future_names: tuple[str, ...] = ()
    static_names: tuple[str, ...] = ()
    static_labels: Labels = ()

    @property
    def series(self) -> int:
        """Number of series."""
        return len(self.starts)

    @property
    def lengths(self) -> Ints:
        """Grid rows of each series."""
        return np.diff(self.offsets)

    def keys(self, series: Ints | None = None) -> pd.DataFrame:
        """`unique_id` (and `channel`) of some series, or of all."""
        chosen = np.arange(self.series) if series is None else series
        frame = {columns.UNIQUE_ID: self.unique_id[chosen]}
        if self.channel is not None:
            frame[columns.CHANNEL] = self.channel[chosen]
        return pd.DataFrame(frame)

    def label(self, series: int) -> str:
        """The name of a series in messages."""
        name = str(self.unique_id[series])
        return name if self.channel is None else f"{name}/{self.channel[series]}"

    def sizes(self, series: Ints | None = None) -> list[tuple[str, int]]:
        """Names in messages, and numbers of rows, of some series or all."""
        chosen = np.arange(self.series) if series is None else series
        return [(self.label(s), rows) for s, rows in zip(chosen.tolist(), self.lengths[chosen].tolist(), strict=True)]

    def values(self, series: int) -> Floats:
        """Values of one series."""
        return self.y[self.offsets[series] : self.offsets[series + 1]]

    def before(self, ends: Ints) -> Bools:
        """Rows before `ends`. Shapes: [S] -> [N]"""
        position = np.arange(len(self.y)) - np.repeat(self.offsets[:-1], self.lengths)
        return np.asarray(position < np.repeat(ends, self.lengths))

    def known(self, ends: Ints) -> Bools:
        """Rows before `ends` that have a value. Shapes: [S] -> [N]"""
        return self.before(ends) & ~np.isnan(self.y)

    def times(self, series: Ints, positions: Ints) -> Ints:
        """Times of grid positions. Shapes: [rows], [rows] -> [rows]"""
        return self.frequency.times(self.starts[series], positions)

    def ds(self, series: Ints, positions: Ints) -> "pd.Series[Any]":
        """Times of grid positions in the user's format."""
        return self.clock.decode(self.times(series, positions))

    def position_of(self, instant: int | Ints) -> Ints:
        """Last position of each series at or before an instant (one for all, or one each); -1 if a series begins later.

        Shapes: [S]
        """
        instants = np.full(self.series, instant)
        nearest = self.frequency.positions(instants, self.starts)
        late = self.frequency.times(self.starts, nearest) > instant
        return np.clip(nearest - late, -1, self.lengths - 1)

    def until(self, ends: Ints) -> "Grid":
        """The grid of the rows before `ends`, at least one in each series. Shapes: [S]"""
        lengths = np.minimum(self.lengths, ends)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return replace(self, y=self.y[self.before(ends)], offsets=offsets)

    def take(self, series: Ints) -> "Grid":
        """The grid of some of its series."""
        rows = [np.arange(self.offsets[s], self.offsets[s + 1]) for s in series]
        lengths = self.lengths[series]
        return Grid(
            self.frequency,
            self.clock,
            self.unique_id[series],
            None if self.channel is None else self.channel[series],
            self.starts[series],
            np.concatenate([[0], np.cumsum(lengths)]),
            self.y[np.concatenate(rows)] if rows else self.y[:0],
            self.covariate_starts[series],
            self.covariate_lengths[series],
            self.past,
            self.future,
            self.static[series],
            self.past_names,
            self.future_names,
            self.static_names,
            self.static_labels,
        )
