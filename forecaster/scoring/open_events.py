"""Open events of series in a stream, and their ids."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from forecaster.detectors.base import Numbers
from forecaster.scoring.alarms import NO_VIEW
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array

__all__ = ["OpenEvents"]

_NEVER = -(2**40)


class OpenEvents:
    """The last alarm of each series, and its event's first row and the view that this row is by.

    `named` gives the id of an event by its first row.
    """

    def __init__(self, gap: int, named: Callable[[int, int], str]) -> None:
        self._gap, self._named = gap, named
        self._held = Numbers(alarm=np.array(_NEVER), event=np.array(_NEVER), view=np.array(NO_VIEW))

    def grow(self, series: int) -> None:
        """Make room for this many series."""
        self._held.grow(series)

    def forget(self, series: Ints) -> None:
        """Let some series restart."""
        self._held.forget(series)

    def last(self, series: int) -> tuple[int, int]:
        """The row of a series' last alarm, and the first row of its event."""
        return int(self._held["alarm"][series]), int(self._held["event"][series])

    def put(self, series: int, alarm: int, event: int, view: int) -> None:
        """Set the row of a series' last alarm, and the first row and the view of its event."""
        for name, value in (("alarm", alarm), ("event", event), ("view", view)):
            self._held[name][series] = value

    def alarm(self, series: int, position: int, view: int) -> tuple[str, int]:
        """The event to which an alarm in a row belongs, and the view that this event is by."""
        last, event = self.last(series)
        if position - last > self._gap:
            event = position
        else:
            view = int(self._held["view"][series])
        self.put(series, position, event, view)
        return self.named(series, event), view

    def named(self, series: int, position: int) -> str:
        """The id of the event that began in a row."""
        return self._named(series, position)

    def going(self, rows: Ints) -> Iterable[str]:
        """Events that are still open, given the number of rows of each series: [S]"""
        alarm, event = self._held["alarm"], self._held["event"]
        open_ = np.flatnonzero((event != _NEVER) & (rows - 1 - alarm <= self._gap))
        return (self.named(s, int(event[s])) for s in open_.tolist())

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        return self._held.state()

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`."""
        self._held.restore(state)
