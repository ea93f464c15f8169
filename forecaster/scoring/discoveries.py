"""Which events are discoveries, each decided when it begins, with the test budget left by the events before it.

The decision holds as long as the event goes on: if it is no discovery, it is dropped, and its rows are no alarms.
Wholes are tested separately from single series and channels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecaster.scoring.answers import Answers
from forecaster.scoring.wealth import Wealth
from forecaster.series.grid import Bools, Floats

__all__ = ["Discoveries"]


class Discoveries:
    """Decides on events by id, `series@start`, and remembers each series' last; `level` is the share of false ones."""

    def __init__(self, level: float) -> None:
        self._wealth = {whole: Wealth(level) for whole in (False, True)}
        self._last: dict[str, tuple[str, bool]] = {}
        """The last event of each series, and whether it was a discovery."""

    def decide(self, event: str, p_value: float, *, whole: bool) -> bool:
        """Whether an event is a discovery. It is tested if it is new and the p-value of its first row is known."""
        series = event.rpartition("@")[0]
        before, discovered = self._last.get(series, ("", True))
        if before == event or np.isnan(p_value):
            return discovered or before != event
        discovered = self._wealth[whole].discovers(p_value)
        self._last[series] = (event, discovered)
        return discovered

    def is_reported(self, event: str) -> bool:
        """Whether an event is reported: it is a discovery, or was never tested."""
        return self._last.get(event.rpartition("@")[0], ("", True)) != (event, False)

    def restrain(self, answers: Answers, rate_n: Floats, whole_n: Bools) -> None:
        """Remove events that are no discoveries from a stream's answers. Silences are not random, so they stay.

        Shapes: rate [n], the requested events per row; whole [n], which answers are of a whole
        """
        p_n = np.minimum(answers.named["opening_p"] / rate_n, 1.0)
        for k in np.flatnonzero(answers.is_anomaly).tolist():
            if not self.decide(answers.event_id[k], float(p_n[k]), whole=bool(whole_n[k])):
                answers.is_anomaly[k], answers.event_id[k] = False, None

    def to_json(self) -> dict[str, Any]:
        """The whole state, as plain data."""
        wealth = [[one.passed, one.found] for one in self._wealth.values()]
        return {"wealth": wealth, "last": list(self._last.values())}

    @classmethod
    def from_json(cls, level: float, data: Mapping[str, Any]) -> "Discoveries":
        """From `to_json`'s data; a changed level applies from the next test on."""
        made = cls(level)
        made._wealth = {bool(k): Wealth(level, *one) for k, one in enumerate(data["wealth"])}
        made._last = {event.rpartition("@")[0]: (event, discovered) for event, discovered in data["last"]}
        return made
