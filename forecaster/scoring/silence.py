"""Events of silent sensors: series that have had no values for longer than allowed."""

import math

import numpy as np

from forecaster.scoring.events import SILENT, Event
from forecaster.scoring.gaps import Meanings, since_value
from forecaster.scoring.maintenance import Maintenance
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Bools, Grid

__all__ = ["Silences", "rows_until"]

_NO_VALUES = "no values"
"""What a silence is found by."""
_MOST_ROWS = 1_000_000
"""How many rows after a time-out are searched for the first that is outside training and maintenance."""


class Silences:
    """Finds the silences of series of one step.

    A silence begins at the first row that is at least `limit` steps after the last value and lies outside training and
    maintenance; it ends at the last such row before a value. It begins as severe as an alarm, and is 1 more severe when
    it has lasted ten times as long. It uses none of the false-alarm rate.
    """

    def __init__(self, meanings: Meanings, step: Frequency, calm: Maintenance, rate: float) -> None:
        self._meanings, self._step, self._calm, self._rate = meanings, step, calm, rate

    def of(self, name: str, missing_T: Bools, start: int, begin: int) -> list[tuple[Event, Ints]]:
        """Silences of a series whose row 0 has the time `start`, each with its rows; only rows from `begin` count."""
        limit = self._meanings[name].limit
        if limit is None:
            return []
        ago_T = since_value(missing_T)
        rows = np.flatnonzero(ago_T >= limit)
        rows = rows[self.counts(name, rows, start, begin)]
        if len(rows) == 0:
            return []
        parts = np.split(rows, np.flatnonzero(np.diff(rows - ago_T[rows])) + 1)
        return [(self._event(part, int(ago_T[part[-1]]) / limit), part) for part in parts]

    def first(self, name: str, known: int, until: int, start: int, begin: int) -> int | None:
        """The row, up to `until`, at which a silence begins after a last value in row `known`; None for none."""
        limit = self._meanings[name].limit
        if limit is None or until < known + limit:
            return None
        rows = np.arange(known + limit, min(until, known + limit + _MOST_ROWS) + 1)
        counting = rows[self.counts(name, rows, start, begin)]
        return int(counting[0]) if len(counting) else None

    def counts(self, name: str, rows: Ints, start: int, begin: int) -> Bools:
        """Rows that may belong to a silence: those outside training and maintenance."""
        calm = self._calm.closed(name, self._step.times(np.full(len(rows), start), rows))
        return np.asarray((rows >= begin) & ~calm)

    def _event(self, rows: Ints, times_as_long: float) -> Event:
        severity = math.log10(times_as_long) - math.log10(self._rate)
        return Event(int(rows[0]), int(rows[-1]), int(rows[-1]), severity, SILENT, _NO_VALUES)


def rows_until(grid: Grid, now: int | None) -> Ints:
    """Rows of each series up to a time, by default to before the last row of any; at least the existing rows: [S]

    Rows of the same time arrive in any order, so a row is known to be missing only when a later one has come.
    """
    every = np.arange(grid.series)
    latest = np.full(grid.series, grid.times(every, grid.lengths - 1).max() - 1 if now is None else now)
    position = grid.frequency.positions(latest, grid.starts)
    late = grid.times(every, position) > latest
    return np.maximum(position - late + 1, grid.lengths)
