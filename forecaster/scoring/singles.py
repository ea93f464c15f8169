"""Single series in a stream: gives for each row what a detection would say about it."""

from collections.abc import Callable, Mapping

import numpy as np

from forecaster.scoring.abreast import AlarmingAbreast
from forecaster.scoring.alarming import Alarming, MakeThreshold
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.judging import ViewedRows, judge_rows
from forecaster.scoring.ragged import join_tables, nested, split_tables, under
from forecaster.scoring.rules import Rules
from forecaster.series.grid import Array

__all__ = ["Singles"]

_TABLES = ("rows", "apart", "moments", "levels", "times", "events")
"""Optional parts of an `Alarming`'s state: few series have feedback, and states of earlier versions have no moments."""


class Singles:
    """The states of single series, numbered in order of arrival; `label` gives their names."""

    def __init__(
        self, member: Calibrated, rate: float, rules: Rules, make: MakeThreshold, label: Callable[[int], str]
    ) -> None:
        self._member, self._label = member, label
        self._how = member.detector.kinds, rate, rules, make
        self._alarms = AlarmingAbreast(member.detector.kinds, rate, rules.gap)

    def begin(self, alarming: Alarming) -> None:
        """Add a series whose rows a detection has already seen."""
        self._alarms.add(alarming)

    def forget(self, series: int) -> None:
        """Let a series restart."""
        views = self._alarms.alone(series).views
        self._alarms.replace(series, self._fresh(series, views))

    def judge(self, viewed: ViewedRows, count: int) -> Alarms:
        """Judge rows of some of `count` series."""
        for series in range(len(self._alarms), count):
            self._alarms.add(self._fresh(series, viewed.views.shape[1]))
        return judge_rows(self._alarms, viewed)

    def _fresh(self, series: int, views: int) -> Alarming:
        """The alarms of a series before its first row."""
        return Alarming(self._member.normal_of(self._label(series), views), *self._how)

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        labels = map(self._label, range(len(self._alarms)))
        alarming = {name: one.state() for name, one in zip(labels, self._alarms.settled(), strict=True)}
        tables = {part: join_tables({k: one[part] for k, one in alarming.items() if part in one}) for part in _TABLES}
        return {"alarming": np.array([one["numbers"] for one in alarming.values()]), **nested(tables)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`."""
        tables = {part: split_tables(under(part, state)) for part in _TABLES}
        for series, numbers in enumerate(state["alarming"]):
            name = self._label(series)
            one = {"numbers": numbers, **{part: table[name] for part, table in tables.items() if name in table}}
            self._alarms.add(Alarming.restored(one, *self._how))
