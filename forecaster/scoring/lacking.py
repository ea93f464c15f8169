"""Missing values in a stream: the value that is filled in, and which series have fallen silent."""

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush

import numpy as np

from forecaster.detectors.base import Numbers
from forecaster.scoring.answers import Answers
from forecaster.scoring.gaps import Meanings
from forecaster.scoring.places import PlacedRows, Places
from forecaster.scoring.silence import Silences
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats

__all__ = ["Lacking"]

_NEVER = -(2**40)


class Lacking:
    """The time and the value of each series' last value.

    The current time is that of the newest row of any series. A silence is noticed by whichever comes first: a row of
    the series itself, without a value at or after its time-out, or a row of another series later than the time-out.
    """

    def __init__(self, meanings: Meanings, silences: Silences, places: Places) -> None:
        self._meanings, self._silences = meanings, silences
        self._step, self._places, self._names = places.step, places.held, places.names
        blank = {"known": np.array(_NEVER), "value": np.array(np.nan), "told": np.array(0)}
        self._held = Numbers(**blank)
        self._now = int(Clock.ABSENT)
        self._due: list[tuple[int, int]] = []
        """A heap of the earliest times at which series that are not silent may become so."""
        self._queued: set[int] = set()

    def follow(self, placed: PlacedRows, times: Ints, answers: Answers, event_id: Callable[[int, int], str]) -> None:
        """Fill in missing values of placed rows, and answer which silences the rows reveal.

        `event_id` gives the id of a series' event by its first row. Shapes: times [n], of the input rows
        """
        self._held.grow(len(self._names))
        parts = placed.series, placed.position, placed.values[:, 0], placed.row, placed.last
        for k, (s, at, value, row, last) in enumerate(zip(*(part.tolist() for part in parts), strict=True)):
            ended = []
            if value == value:
                ended = [(s, self.seen(s, at - 1))]
                self.value(s, at, value)
            else:
                placed.values[k] = self.missing(s, at)
                start = self.silent(s, at) if last else None
                if start is not None:
                    answers.is_anomaly[row], answers.event_id[row] = True, event_id(s, start)
            if last:
                told = [event_id(s, start) for s, start in (*ended, *self.others(int(times[row]))) if start is not None]
                answers.silent[row] = ",".join(told) or None

    def known(self, series: list[int]) -> Ints:
        """The row of each series' last value."""
        return self._held["known"][series].copy()

    def forget(self, series: int) -> None:
        """Let a series restart."""
        self._held.forget(np.array([series]))

    def begin(self, known: Ints, values: Floats, now: int) -> None:
        """Start after the last value of each series, at time `now`; series silent by then count as reported."""
        self._held.grow(len(known))
        self._held["known"][:], self._held["value"][:], self._now = known, values, now
        for s in range(len(known)):
            until = max(self._row(s, now - 1), int(self._places["rows"][s]) - 1)
            self._held["told"][s] = self.seen(s, until) is not None
        self._queue_all()

    def seen(self, s: int, until: int) -> int | None:
        """The row at which a silence after the last value was noticed, up to row `until`; else None."""
        known = int(self._held["known"][s])
        if known == _NEVER:
            return None
        start = int(self._places["start"][s])
        return self._silences.first(self._names[s], known, until, start, self.first_test_row(s))

    def value(self, s: int, at: int, value: float) -> None:
        """Take in a value."""
        self._held["known"][s], self._held["value"][s], self._held["told"][s] = at, value, 0
        self._queue(s)

    def missing(self, s: int, at: int) -> float:
        """The value filled in for a missing one: the last one if it is to be repeated, else NaN."""
        meaning, ago = self._meanings[self._names[s]], at - int(self._held["known"][s])
        holds = meaning.holds and ago < (meaning.limit or -_NEVER)
        return float(self._held["value"][s]) if holds else np.nan

    def silent(self, s: int, at: int) -> int | None:
        """The row at which the silence that a missing row belongs to was noticed; None if it belongs to none."""
        start = self.seen(s, at)
        time = int(self._places["start"][s])
        if start is None or not self._silences.counts(self._names[s], np.array([at]), time, self.first_test_row(s))[0]:
            return None
        self._held["told"][s] = 1
        return start

    def others(self, time: int) -> Iterator[tuple[int, int]]:
        """Series that fell silent before the time of a row and were not reported yet, with the rows that show it."""
        self._now = max(self._now, time)
        while self._due and self._due[0][0] < self._now:
            _, s = heappop(self._due)
            self._queued.discard(s)
            if self._held["told"][s] or self._held["known"][s] == _NEVER:
                continue
            row = self._row(s, self._now - 1)
            start = self.seen(s, row)
            if start is None:
                self._queue(s, at_least=row + 1)
                continue
            self._held["told"][s] = 1
            yield s, start

    def grow(self, series: int) -> None:
        """Make room for this many series."""
        self._held.grow(series)

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        return {**self._held.state(), "now": np.array([self._now])}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`; an empty one dates from before silences were looked for."""
        known = state or self._as_if_known()
        self._held.restore(known)
        self._now = int(known["now"][0])
        self._queue_all()

    def _as_if_known(self) -> dict[str, Array]:
        """The state if every series had some value in its last row."""
        known, count = self._places["rows"] - 1, len(self._names)
        now = self._step.times(self._places["start"], known).max(initial=Clock.ABSENT)
        blank = {"value": np.full(count, np.nan), "told": np.zeros(count, np.int64)}
        return {"known": known, **blank, "now": np.array([now])}

    def _queue_all(self) -> None:
        for s in np.flatnonzero((self._held["known"] != _NEVER) & (self._held["told"] == 0)).tolist():
            self._queue(s)

    def _queue(self, s: int, at_least: int = _NEVER) -> None:
        limit = self._meanings[self._names[s]].limit
        if limit is not None and s not in self._queued:
            row = max(int(self._held["known"][s]) + limit, at_least)
            heappush(self._due, (self._time(s, row), s))
            self._queued.add(s)

    def _time(self, s: int, row: int) -> int:
        return int(self._step.times(self._places["start"][[s]], np.array([row]))[0])

    def _row(self, s: int, time: int) -> int:
        """The last row of a series at or before a time."""
        row = int(self._step.positions(np.array([time]), self._places["start"][[s]])[0])
        return row - (self._time(s, row) > time)

    def first_test_row(self, s: int) -> int:
        """The first row of a series after its training."""
        end = int(self._places["end"][s])
        return 0 if end == Clock.ABSENT else self._row(s, end) + 1
