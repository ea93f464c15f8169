"""Events of series whose rows come one by one: which are open, and what they are called."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from forecaster.detectors.base import Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array

__all__ = ["OpenEvents"]

_NEVER = -(2**40)


class OpenEvents:
    """The last alarm of each series, and where its event began; `named` says how an event that began in a row is called."""

    def __init__(self, gap: int, named: Callable[[int, int], str]) -> None:
        self._gap, self._named = gap, named
        self._held = Numbers(alarm=np.array(_NEVER), event=np.array(_NEVER))

    def grow(self, series: int) -> None:
        """Room for so many series."""
        self._held.grow(series)

    def forget(self, series: Ints) -> None:
        """Some series begin anew."""
        self._held.forget(series)

    def last(self, series: int) -> tuple[int, int]:
        """Rows of the last alarm of a series, and of the first of its event."""
        return int(self._held["alarm"][series]), int(self._held["event"][series])

    def put(self, series: int, alarm: int, event: int) -> None:
        """The last alarm of a series was in a row, its event began in another."""
        self._held["alarm"][series], self._held["event"][series] = alarm, event

    def alarm(self, series: int, position: int) -> str:
        """The event that an alarm in a row belongs to."""
        last, event = self.last(series)
        event = position if position - last > self._gap else event
        self.put(series, position, event)
        return self.named(series, event)

    def named(self, series: int, position: int) -> str:
        """What an event is called that began in a row."""
        return self._named(series, position)

    def going(self, rows: Ints) -> Iterable[str]:
        """Events that go on, where series have so many rows: [S]"""
        alarm, event = self._held["alarm"], self._held["event"]
        open_ = np.flatnonzero((event != _NEVER) & (rows - 1 - alarm <= self._gap))
        return (self.named(s, int(event[s])) for s in open_.tolist())

    def state(self) -> dict[str, Array]:
        """All that is remembered, by name."""
        return self._held.state()

    def restore(self, state: Mapping[str, Array]) -> None:
        """Remember a `state`."""
        self._held.restore(state)
