"""Which events are discoveries, each decided when it begins, by what the events before it left to spend.

What is decided holds as long as the event goes on: one that is no discovery is no event, and its rows are no alarms.
Wholes are tested apart from single series and channels.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecaster.scoring.answers import Answers
from forecaster.scoring.wealth import Wealth
from forecaster.series.grid import Bools, Floats

__all__ = ["Discoveries"]


class Discoveries:
    """Events by their ids, `series@start`; of each series the last one is remembered. `level` is the share that may be false."""

    def __init__(self, level: float) -> None:
        self._wealth = {whole: Wealth(level) for whole in (False, True)}
        self._last: dict[str, tuple[str, bool]] = {}
        """The last event of each series, and whether it is a discovery."""

    def decide(self, event: str, p_value: float, *, whole: bool) -> bool:
        """Is an event a discovery? It is tested where it is new, and `p_value`, of its first row, is known."""
        series = event.rpartition("@")[0]
        before, told = self._last.get(series, ("", True))
        if before == event or np.isnan(p_value):
            return told or before != event
        told = self._wealth[whole].discovers(p_value)
        self._last[series] = (event, told)
        return told

    def told(self, event: str) -> bool:
        """Is an event one that people are told of?"""
        return self._last.get(event.rpartition("@")[0], ("", True)) != (event, False)

    def restrain(self, answers: Answers, rate_n: Floats, whole_n: Bools) -> None:
        """Take what is no discovery out of a stream's answers. Silences are no matter of chance, and stay.

        Shapes: rate [n], the events a row that were asked for; whole [n], which answers are of a whole
        """
        p_n = np.minimum(answers.named["opening_p"] / rate_n, 1.0)
        for k in np.flatnonzero(answers.is_anomaly).tolist():
            if not self.decide(answers.event_id[k], float(p_n[k]), whole=bool(whole_n[k])):
                answers.is_anomaly[k], answers.event_id[k] = False, None

    def to_json(self) -> dict[str, Any]:
        """All that is remembered, as plain data."""
        wealth = [[one.passed, one.found] for one in self._wealth.values()]
        return {"wealth": wealth, "last": list(self._last.values())}

    @classmethod
    def from_json(cls, level: float, data: Mapping[str, Any]) -> "Discoveries":
        """From `to_json`'s data; another level than before holds from the next test on."""
        made = cls(level)
        made._wealth = {bool(k): Wealth(level, *one) for k, one in enumerate(data["wealth"])}
        made._last = {event.rpartition("@")[0]: (event, told) for event, told in data["last"]}
        return made
