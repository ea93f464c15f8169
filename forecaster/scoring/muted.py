"""Rows that raise no alarm, or do not count as normal, because of feedback on earlier events."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Muted"]


@dataclass(frozen=True)
class Muted:
    """What is muted in one series; rows are counted from its first one after training.

    Shapes: levels [n, 2 + V]: for each false alarm, its sign, the first row that it no longer mutes, and the upper
        limit of each view; times [m, 3]: for each expected event, its first row, its number of rows, and the period in
        rows; events [k, 1]: first rows of events that do not count as normal
    """

    levels: Floats
    times: Floats
    events: Floats

    def quiet(self, row_T: Ints, views_TV: Floats, sign_T: Floats | None) -> Bools:
        """Views no stranger than in a false alarm of the same direction, or of unknown direction: [time, V]"""
        quiet_TV = np.zeros(views_TV.shape, bool)
        for sign, until, *most in self.levels:
            other_T = np.zeros(len(row_T), bool) if sign_T is None else sign_T * sign < 0
            alike_T = ~other_T & (row_T < until)
            quiet_TV |= alike_T[:, None] & (views_TV <= np.array(most))
        return quiet_TV

    def due(self, row_T: Ints) -> Bools:
        """Rows at which an expected event recurs: [time]"""
        due_T = np.zeros(len(row_T), bool)
        for first, rows, every in self.times:
            due_T |= (row_T >= first + rows) & ((row_T - first) % every < rows)
        return due_T

    def state(self) -> dict[str, Floats]:
        """The whole state, by name."""
        return {"levels": self.levels, "times": self.times, "events": self.events}

    @classmethod
    def restored(cls, state: Mapping[str, Floats]) -> "Muted":
        """From a `state`."""
        return cls(state["levels"], state["times"], state["events"])
