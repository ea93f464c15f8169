"""Places the rows of a stream on the steps of their series: which are taken, which are late, which are missing."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.counted import counted
from forecaster.detectors.base import Numbers
from forecaster.scoring.answers import AHEAD, LATE, Answers
from forecaster.series.clock import Clock
from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Array, Bools, Floats

__all__ = ["LONGEST_GAP", "Arrivals", "PlacedRows", "Places", "rounds"]

LONGEST_GAP = 1_000
"""Up to this many steps without a row count as missing values; after more, a series restarts."""
_MICROS = 1_000_000


@dataclass(frozen=True)
class PlacedRows:
    """Rows that were placed, and the missing rows before them: series, position and values, and the input row of each.

    Shapes: [E], values [E, C]; `first` marks rows where a series restarts; `row` is the input row that it is or leads
        to, `last` marks the input rows themselves
    """

    series: Ints
    position: Ints
    values: Floats
    first: Bools
    row: Ints
    last: Bools


@dataclass(frozen=True)
class Arrivals:
    """The series number of each row; which series are new, and which restart instead of continuing after a file."""

    series: Ints
    new: list[int]
    anew: list[int]


class Places:
    """Finds each row's series and its position in it, from name and time.

    A row that leaps from the past to beyond tomorrow comes from a wrong clock and is not taken, or else all rows after
    it would be late. This cannot be checked if times are integers, or if a series is already beyond tomorrow.

    Shapes: held: [S], `start`, the time of row 0 of each series; `rows`, their number; `end`, the time of the last
        training row; `resting`, whether it waits at the end of a file
    """

    def __init__(
        self,
        step: Frequency,
        clock: Clock,
        ends: Mapping[str, int],
        gap: int,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self.step, self.clock, self._ends, self._gap, self._now_s = step, clock, ends, gap, now_s
        self._number: dict[str, int] = {}
        self.names: list[str] = []
        blank = {"start": 0, "rows": 0, "end": Clock.ABSENT, "resting": 0}
        self.held = Numbers(**{name: np.array(value) for name, value in blank.items()})

    def __contains__(self, name: str) -> bool:
        return name in self._number

    def knows(self, name: str) -> bool:
        """Whether the detector was trained on a series."""
        return name in self._ends

    def begin(self, names: Sequence[str], starts: Ints, lengths: Ints) -> None:
        """Start after the last rows of a file. A series goes on with a later row, and restarts with its first."""
        self.held.grow(len(names))
        for name in names:
            self._numbered(name)
        self.held["start"][:], self.held["rows"][:], self.held["resting"][:] = starts, lengths, 1
        self.held["end"][:] = [self._ends.get(name, Clock.ABSENT) for name in names]

    def arrive(self, names: Sequence[str], times: Ints) -> Arrivals:
        """The series of some rows; new ones get numbers."""
        new: list[int] = []
        anew: list[int] = []
        found = [self._number.get(name, -1) for name in names]
        if -1 in found or self.held["resting"][found].any():
            found = [self._arrived(name, int(time), new, anew) for name, time in zip(names, times, strict=True)]
        return Arrivals(np.array(found, np.int64), new, anew)

    def place(self, series: Ints, times: Ints, values: Floats, answers: Answers) -> PlacedRows:
        """Place rows, with the missing ones before them; the reasons why others cannot be placed go into `answers`.

        Shapes: [n], values [n, C]
        """
        starts = self.held["start"][series]
        position = self.step.positions(times, starts)
        moved = self.step.times(starts, position) != times
        gaps, first = np.full(len(series), -1), np.zeros(len(series), bool)
        far = times > self._tomorrow()
        for rows in rounds(series):
            if far[rows].any():
                rows = self._without_leaps(rows, series, times, far, answers)
            gaps[rows], first[rows] = self._taken(rows, series[rows], position[rows], moved[rows], answers)
        kept = gaps >= 0
        answers.next_ds[kept] = self.texts(self.step.times(starts[kept], position[kept] + 1))
        return _expanded(series, position, values, gaps, first)

    def rests_before(self, name: str, time: int) -> bool:
        """Whether a series waits at the end of a file that ends before a time."""
        number = self._number.get(name)
        return number is not None and bool(self.held["resting"][number]) and time > self._last_time(number)

    def number(self, name: str) -> int:
        """The number of a known series."""
        return self._number[name]

    def times(self, series: Ints, position: Ints) -> Ints:
        """Times of some rows."""
        return self.step.times(self.held["start"][series], position)

    def text(self, series: int, position: int) -> str:
        """The time of a row as text."""
        return str(self.clock.texts(self.times(np.array([series]), np.array([position])))[0])

    def texts(self, times: Ints) -> list[object]:
        """Times as texts, each distinct time converted once, as many rows share one."""
        every = times.tolist()
        different = list(dict.fromkeys(every))
        texts = dict(zip(different, self.clock.texts(np.array(different, np.int64)), strict=True))
        return [texts[time] for time in every]

    def restore(self, names: Sequence[str], state: Mapping[str, Array]) -> None:
        """Continue from an earlier `held`."""
        for name in names:
            self._numbered(name)
        self.held.restore(state)

    def _arrived(self, name: str, time: int, new: list[int], anew: list[int]) -> int:
        """The number of a series. It begins with this row if it is new, or if it waits after a file whose first row this is:
        that file is read again. The file's other rows are late, and so are those before it.
        """
        number = self._number.get(name)
        if number is None:
            number = self._numbered(name)
            self.held.grow(number + 1)
            new.append(number)
        elif not self.held["resting"][number] or self._is_covered(number, time):
            return number
        elif time > self._last_time(number):
            self.held["resting"][number] = 0
            return number
        else:
            self.held.forget(np.array([number]))
            anew.append(number)
        self.held["start"][number], self.held["end"][number] = time, self._ends.get(name, Clock.ABSENT)
        return number

    def _numbered(self, name: str) -> int:
        number = self._number[name] = len(self.names)
        self.names.append(name)
        return number

    def _is_covered(self, number: int, time: int) -> bool:
        """Whether a time is not that of the first row of a series, and not after its last."""
        first = self.step.positions(np.array([time]), self.held["start"][[number]])[0] == 0
        return not first and time <= self._last_time(number)

    def _last_time(self, number: int) -> int:
        return int(self.times(np.array([number]), self.held["rows"][[number]] - 1)[0])

    def _tomorrow(self) -> float:
        """The last acceptable time: a day and a step from now, to allow for time zones and labels of steps."""
        if self.clock.integer:
            return np.inf
        return self._now_s() * _MICROS + DAY + self.step.micros

    def _without_leaps(self, rows: Ints, series: Ints, times: Ints, far: Bools, answers: Answers) -> Ints:
        """Rows (of different series) without those that leap beyond tomorrow, whose reason is answered."""
        before = self.held["rows"][series[rows]]
        last = self.times(series[rows], before - 1)
        leaps = far[rows] & (before > 0) & (last <= self._tomorrow()) & (times[rows] - last > DAY + self.step.micros)
        now = self.clock.texts(np.array([int(self._now_s()) * _MICROS]))[0]
        for row, s, held in zip(
            rows[leaps].tolist(), series[rows[leaps]].tolist(), before[leaps].tolist(), strict=True
        ):
            after = self.text(s, held - 1)
            answers.reason[row] = f"{AHEAD}: beyond tomorrow (now {now}), after {after}; the sender's clock is wrong"
        return rows[~leaps]

    def _taken(self, rows: Ints, series: Ints, position: Ints, moved: Bools, answers: Answers) -> tuple[Ints, Bools]:
        """Missing steps before each row (of different series), -1 if it is late; and whether its series restarts."""
        before = self.held["rows"][series]
        gaps = np.maximum(position - before, -1)
        for k in np.flatnonzero((gaps < 0) | (gaps > LONGEST_GAP) | moved).tolist():
            answers.reason[rows[k]] = self._reason(int(series[k]), int(position[k]), int(gaps[k]), int(before[k]))
        self.held["rows"][series] = np.where(gaps >= 0, position + 1, before)
        first = gaps > LONGEST_GAP
        return np.where(first, self._gap + 1, gaps), first

    def _reason(self, series: int, position: int, gap: int, before: int) -> str:
        """Why a row is late, or how it was changed."""
        if gap < 0:
            return f"{LATE}: not after {self.text(series, before - 1)}, the last row of this series"
        if gap > LONGEST_GAP:
            return f"restarted after {counted(gap, 'step')} without a row"
        return f"moved to its step, {self.text(series, position)}"


def rounds(series: Ints) -> Iterator[Ints]:
    """Rows in rounds with at most one row per series, ordered by series; a series' rows keep their order."""
    if (series[1:] > series[:-1]).all():
        if len(series):
            yield np.arange(len(series))
        return
    order = np.argsort(series, kind="stable")
    begins = np.flatnonzero(np.diff(series[order], prepend=-1))
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    order = np.lexsort((series, rank))
    yield from np.split(order, np.flatnonzero(np.diff(rank[order])) + 1)


def _expanded(series: Ints, position: Ints, values: Floats, gaps: Ints, first: Bools) -> PlacedRows:
    """Rows with the missing rows before them inserted; rows with a gap below 0 are left out."""
    counts = gaps + 1
    row = np.repeat(np.arange(len(series)), counts)
    back = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(row))
    last = back == 0
    return PlacedRows(
        series[row], position[row] - back, np.where(last[:, None], values[row], np.nan), first[row] & last, row, last
    )
