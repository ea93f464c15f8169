"""Wholes (joined channels) in a stream: gives for each row what a detection would say about the whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from forecaster.aggregations.base import Aggregation
from forecaster.detectors.base import Kinds
from forecaster.scoring.abreast import AlarmingAbreast
from forecaster.scoring.alarming import Alarming, MakeThreshold
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.channels import Channels, kinds_of, patience_of, view_names_of, whole_views
from forecaster.scoring.detected import Kept
from forecaster.scoring.judging import ViewedRows, judge_rows
from forecaster.scoring.ragged import join_tables, nested, packed, split_tables, under, unpacked
from forecaster.scoring.rules import Rules
from forecaster.scoring.together import FEWEST, Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats

__all__ = ["Wholes"]


@dataclass
class _Whole:
    """One name: what is learnt about its channels, or the first rows from which it will be learnt."""

    name: str
    together: Together | None
    faded: Floats = field(default_factory=lambda: np.zeros(2))
    first: list[Floats] = field(default_factory=list)
    """Values and first views of the first rows, [2, C] each."""
    place: int = -1
    """Its place among wholes that are judged alike."""

    @property
    def known(self) -> Together:
        """What is learnt about its channels."""
        assert self.together is not None, "it is judged, so its channels are learnt"
        return self.together

    @property
    def alone(self) -> bool:
        """Whether only one of its channels counts."""
        return self.known.only is not None


class Wholes:
    """The states of some wholes, numbered in order of arrival.

    The channels of a new name are learnt from its first rows, which get no answer.
    """

    def __init__(self, member: Calibrated, rate: float, rules: Rules, make: MakeThreshold, by: Aggregation) -> None:
        self._member, self._rate, self._rules, self._make, self._by = member, rate, rules, make, by
        self._wholes: list[_Whole] = []
        self._alarms: dict[bool, AlarmingAbreast] = {}
        """Alarms of wholes with a single channel that counts, which have its views, and of all others."""
        self._free: dict[bool, list[int]] = {True: [], False: []}
        """Places among them of wholes that restarted, for the next ones: a whole may be of the other kind then."""

    def add(self, name: str) -> None:
        """Add a name."""
        self._wholes.append(_Whole(name, self._member.together.get(name)))

    def begin(self, name: str, kept: Kept, y_TC: Floats) -> None:
        """Add a name of which a detection has seen these rows."""
        assert kept.together is not None, "it is a whole"
        whole = _Whole(name, kept.together)
        kept.together.distance(y_TC, whole.faded)
        self._join(whole, kept.alarming)
        self._wholes.append(whole)

    def forget(self, number: int) -> None:
        """Let a name restart."""
        before = self._wholes[number]
        if before.place >= 0:
            self._free[before.alone].append(before.place)
        self._wholes[number] = _Whole(before.name, self._member.together.get(before.name))

    def view_names(self, number: int) -> tuple[str, ...]:
        """Names of the views by which a name is judged."""
        return view_names_of(self._wholes[number].known, self._member.detector.view_names)

    def judge(self, numbers: Ints, some: Channels, viewed: ViewedRows) -> tuple[Alarms, Floats]:
        """Judge rows of some names; also gives the sign of each. `viewed` has no views yet. Shapes: [n]"""
        every, sign_n = Alarms.nothing(len(numbers)), np.full(len(numbers), np.nan)
        alike: dict[bool, list[_Part]] = {True: [], False: []}
        order = np.argsort(numbers, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1):
            whole = self._wholes[numbers[rows[0]]]
            later = rows[self._learnt_from(whole, some.take(rows)) :]
            if whole.together is not None and len(later):
                views_TV, sign_n[later] = whole_views(whole.together, some.take(later), self._by, whole.faded)
                alike[whole.alone].append(_Part(later, np.full(len(later), whole.place), views_TV))
        for alone, parts in alike.items():
            if parts:
                part = _Part(*map(np.concatenate, zip(*parts, strict=True)))
                every.put(part.rows, judge_rows(self._alarms[alone], viewed.of(*part, sign_n[part.rows])))
        return every, sign_n

    def _learnt_from(self, whole: _Whole, some: Channels) -> int:
        """How many of the first rows are only used for learning."""
        views, wanted = some.scores.shape[-1], FEWEST - len(whole.first)
        if whole.together is not None:
            if whole.place < 0:
                self._join(whole, self._alarming(whole, views))
            return 0
        whole.first += list(np.stack([some.y[:wanted], some.first[:wanted]], axis=1))
        if len(whole.first) == FEWEST:
            y_TC, first_TC = np.stack(whole.first, axis=1)
            whole.together, whole.first = Together.learn(y_TC, first_TC), []
            whole.together.distance(y_TC, whole.faded)
            alarming = self._alarming(whole, views)
            alarming.judge(np.full((FEWEST, alarming.views), np.nan))
            self._join(whole, alarming)
        return wanted

    def _alarming(self, whole: _Whole, views: int) -> Alarming:
        """A new `Alarming`, for channels with this many views."""
        width = views + 1 if whole.alone else 2
        return Alarming(self._member.normal_of(whole.name, width), *self._how(whole))

    def _how(self, whole: _Whole) -> tuple[Kinds, float, Rules, MakeThreshold, int]:
        together = whole.known
        kinds, patience = kinds_of(together, self._member.detector.kinds), patience_of(together, self._rules.gap)
        return kinds, self._rate, self._rules, self._make, patience

    def _join(self, whole: _Whole, alarming: Alarming) -> None:
        """Give it a place among wholes that are judged alike."""
        if whole.alone not in self._alarms:
            self._alarms[whole.alone] = AlarmingAbreast(self._how(whole)[0], self._rate, self._rules.gap)
        alarms, free = self._alarms[whole.alone], self._free[whole.alone]
        if free:
            whole.place = free.pop()
            alarms.replace(whole.place, alarming)
        else:
            whole.place = len(alarms)
            alarms.add(alarming)

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        settled = {alone: alarms.settled() for alone, alarms in self._alarms.items()}
        known = [whole for whole in self._wholes if whole.place >= 0]
        alarming = {whole.name: settled[whole.alone][whole.place].state() for whole in known}
        tables = {
            "together": {whole.name: whole.known.table() for whole in known},
            "faded": {whole.name: whole.faded[None] for whole in known},
            "first": {whole.name: np.concatenate(whole.first) for whole in self._wholes if whole.first},
            "rows": {name: one["rows"] for name, one in alarming.items()},
            "apart": {name: one["apart"] for name, one in alarming.items() if "apart" in one},
            "moments": {name: one["moments"] for name, one in alarming.items()},
            "numbers": {name: one["numbers"][None] for name, one in alarming.items()},
        }
        parts = {prefix: join_tables(some) for prefix, some in tables.items()}
        return {"names": packed([whole.name for whole in self._wholes]), **nested(parts)}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`."""
        together, faded, first, rows, apart, moments, numbers = (
            split_tables(under(prefix, state))
            for prefix in ("together", "faded", "first", "rows", "apart", "moments", "numbers")
        )
        for name in unpacked(state["names"]):
            whole = _Whole(name, self._member.together.get(name))
            self._wholes.append(whole)
            if name in first:
                whole.first = np.split(first[name], len(first[name]) // 2)
            if name in together:
                whole.together, whole.faded = Together.from_table(together[name]), faded[name][0].copy()
                one = {"rows": rows[name], "moments": moments[name], "numbers": numbers[name][0]}
                one |= {"apart": apart[name]} if name in apart else {}
                self._join(whole, Alarming.restored(one, *self._how(whole)))


class _Part(NamedTuple):
    """Rows of one name, its place among wholes that are judged alike, and its views."""

    rows: Ints
    place: Ints
    views: Floats
