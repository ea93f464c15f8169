"""Alarms of many series, vectorised: one row of each is judged in one step, without a call per series."""

from collections.abc import Iterator, Sequence

import numpy as np

from forecaster.detectors.base import Kinds, Numbers
from forecaster.scoring.alarming import MEMORY_ROWS, Alarming, Stand, joining
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.budget import worth_a_look
from forecaster.scoring.calibration import Judge, Sorts, believed, blended, joined, measured, served
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats
from forecaster.thresholds._abreast import OneByOne, ThresholdsAbreast
from forecaster.thresholds._moments import Moments

__all__ = ["AlarmingAbreast"]

_AT_ONCE = 1 << 15
"""How many numbers are calibrated at once: about what fits into the processor's cache."""


class AlarmingAbreast:
    """Several `Alarming` of one kind, each with a numbered place; results equal those of each on its own.

    What changes with every row is kept in arrays; an `Alarming` itself, with its normal rows, is updated only when it
    is asked for.

    Shapes: `since` [S, W, V], `apart` [S, W]: rows since the last calibration, W the most that one calibration serves
    """

    def __init__(self, kinds: Kinds, rate: float, gap: int) -> None:
        self._kinds, self._rate, self._gap = kinds, rate, gap
        self._alarming: list[Alarming] = []
        self._of_events = False
        self._held = Numbers()
        self._by_itself: set[int] = set()
        """Places whose `Alarming` is up to date, but whose arrays are not."""
        self.muted: set[int] = set()
        """Places with feedback from people, which must be judged one at a time."""

    def __len__(self) -> int:
        return len(self._alarming)

    def add(self, alarming: Alarming) -> None:
        """Add one in the next place."""
        if not self._alarming:
            self._begin(alarming)
        self._alarming.append(alarming)
        self._held.grow(len(self))
        self.replace(len(self) - 1, alarming)

    def replace(self, place: int, alarming: Alarming) -> None:
        """Put another one in a place."""
        self._alarming[place] = alarming
        self._by_itself.add(place)
        (self.muted.discard if alarming.muted is None else self.muted.add)(place)

    def alone(self, place: int) -> Alarming:
        """The `Alarming` in a place, brought up to date, to be used on its own."""
        self._settle(place)
        for each in self._each(np.array([place])).tolist() if place not in self._by_itself else ():
            self._thresholds.settle(each)
        self._by_itself.add(place)
        return self._alarming[place]

    def settled(self) -> list[Alarming]:
        """All of them, up to date except for their thresholds."""
        for place in range(len(self)):
            self._settle(place)
        return self._alarming

    def judge(self, places: Ints, views_nV: Floats, admitted_n: Bools) -> Alarms:
        """The same as `Alarming.judge` for the next row in each of some places; all of these rows calibrate.

        Shapes: views_nV [n, V], admitted_n [n]: one row a place
        """
        self._take(places)
        self._calibrate(places)
        held, some = self._held, [self._alarming[place] for place in places.tolist()]
        p_Vn = self._followed(places, views_nV.T)
        graded_n, joint_n = joined(p_Vn, self._sorts, held["several"][places])
        graded_n = blended(graded_n, views_nV.T, self._sorts, held["centre"][places].T, held["spread"][places].T)
        level_n, position_n = held["level"][places], held["rows"][places]
        alarm_n, news_n = np.zeros((2, len(some)), bool)
        apart_n = np.zeros(len(some), bool)
        budgets = [one.budget for one in some]
        for k in worth_a_look(budgets, joint_n, position_n, level_n, admitted_n).tolist():
            (alarm_n[k],), (news_n[k],), (age,) = budgets[k].spend(
                joint_n[k : k + 1], int(position_n[k]), float(level_n[k])
            )
            apart_n[k] = alarm_n[k] and age < some[k].patience
        held["since"][places, held["waiting"][places]] = views_nV
        held["apart"][places, held["waiting"][places]] = apart_n
        held["waiting"][places] += 1
        held["rows"][places] += 1
        return Alarms.of(graded_n, joint_n, p_Vn, alarm_n, news_n, self._rate, level_n)

    def _begin(self, first: Alarming) -> None:
        """Allocate the arrays for members like this one."""
        self._sorts = Sorts.of(self._kinds, first.views)
        self._thresholds: ThresholdsAbreast = OneByOne()
        for one in first.thresholds[:1]:  # all thresholds are of one kind
            self._thresholds, self._of_events = one.abreast(one.config), one.of_events
        since_WV = np.full((int(served(np.array(MEMORY_ROWS))), first.views), np.nan)
        waiting = {"since": since_WV, "apart": np.zeros(len(since_WV), bool)}
        none, unknown = np.array(0), np.array(np.nan)
        counts = {"rows": none, "waiting": none, "serves": none}
        moments = {"centre": np.full(first.views, np.nan), "spread": np.full(first.views, np.nan)}
        self._held = Numbers(**counts, **moments, level=unknown, several=np.full(2, np.nan), **waiting)

    def _settle(self, place: int) -> None:
        """Bring the `Alarming` in a place up to date, except for its thresholds."""
        if place in self._by_itself:
            return
        rows, waiting, serves = (int(self._held[name][place]) for name in ("rows", "waiting", "serves"))
        level, several = float(self._held["level"][place]), self._held["several"][place].copy()
        alarming = self._alarming[place]
        since_TV, apart_T = (self._held[name][place, :waiting].copy() for name in ("since", "apart"))
        judge = Judge(self._sorts, alarming.thresholds, serves, several, level, alarming.moments)
        alarming.resume(Stand(rows, since_TV, apart_T, judge))

    def _take(self, places: Ints) -> None:
        """Bring the arrays up to date for places that were used on their own or are new."""
        new = sorted(self._by_itself.intersection(places.tolist())) if self._by_itself else []
        if not new:
            return
        held, uncalibrated = self._held, []
        for place in new:
            alarming = self._alarming[place]
            stand = alarming.stand()
            held["rows"][place], held["waiting"][place] = stand.rows, len(stand.since)
            held["since"][place, : len(stand.since)] = stand.since
            held["apart"][place, : len(stand.since)] = stand.apart
            held["centre"][place], held["spread"][place] = alarming.moments.centre, alarming.moments.spread
            for each, one in zip(self._each(np.array([place])).tolist(), alarming.thresholds, strict=True):
                self._thresholds.put(each, one)
            if stand.judge is None:
                uncalibrated.append(place)
            else:
                held["serves"][place], held["level"][place] = stand.judge.serves, stand.judge.level
                held["several"][place] = stand.judge.independent_views
        self._by_itself.difference_update(new)
        self._fit(np.array(uncalibrated, np.int64))
        self._follow_since(np.array(uncalibrated, np.int64))

    def _follow_since(self, places: Ints) -> None:
        """Show the thresholds the rows that were judged before their state was stored."""
        waiting = self._held["waiting"][places]
        for row in range(int(waiting.max(initial=0))):
            some = places[waiting > row]
            self._followed(some, self._held["since"][some, row].T)

    def _each(self, places: Ints) -> Ints:
        """Places of the thresholds of each view, first those of view 1 in all places, then view 2, ...: [V' n]"""
        count = self._sorts.thresholds
        return (places * count + np.arange(count)[:, None]).reshape(-1)

    def _followed(self, places: Ints, views_Vn: Floats) -> Floats:
        """P-values from the thresholds for one row in each of some places."""
        judged_Vn = views_Vn[: self._sorts.thresholds]
        p_Vn = self._thresholds.follow(self._each(places), judged_Vn.reshape(-1)).reshape(judged_Vn.shape)
        return believed(p_Vn, views_Vn, self._sorts)

    def _calibrate(self, places: Ints) -> None:
        """Recalibrate the places whose calibration is due."""
        held = self._held
        due = places[held["waiting"][places] >= held["serves"][places]]
        if not len(due):
            return
        some, since_KWV = (
            [self._alarming[place] for place in due.tolist()],
            joining(held["since"][due], held["apart"][due]),
        )
        since_KWV[np.arange(since_KWV.shape[1]) >= held["waiting"][due][:, None]] = np.nan
        before = Moments(*np.array([alarming.moments for alarming in some]).swapaxes(0, 1))
        moments = before.joined(Moments.of(since_KWV))
        for alarming, since_WV, waiting, *one in zip(
            some, since_KWV, held["waiting"][due].tolist(), *moments, strict=True
        ):
            alarming.learn(since_WV[:waiting], Moments(*one))
        held["centre"][due], held["spread"][due], held["waiting"][due] = moments.centre, moments.spread, 0
        self._fit(due)

    def _fit(self, places: Ints) -> None:
        """Calibrate some places on their normal rows."""
        for some, views_VKM, lengths_K in self._blocks(places):
            count = self._sorts.thresholds
            rows = views_VKM[:count].reshape(-1, views_VKM.shape[-1])
            p_VKM = self._thresholds.fit(self._each(some), rows, np.tile(lengths_K, count))
            p_VKM = believed(p_VKM.reshape(count, *views_VKM.shape[1:]), views_VKM, self._sorts)
            several_K2, level_K = measured(p_VKM, self._sorts, self._rate, self._gap, self._of_events)
            held = self._held
            held["serves"][some], held["several"][some], held["level"][some] = served(lengths_K), several_K2, level_K

    def _blocks(self, places: Ints) -> Iterator[tuple[Ints, Floats, Ints]]:
        """Normal rows in batches of places with similar numbers of rows, padded with NaN: [V, K, M], [K]"""
        lengths = np.array([len(self._alarming[place].normal) for place in places.tolist()], np.int64)
        order, views = np.argsort(lengths, kind="stable"), max(1, self._sorts.thresholds)
        while len(order):
            numbers = lengths[order] * np.arange(1, len(order) + 1) * views
            count = max(1, int(numbers.searchsorted(_AT_ONCE)))
            some, order = order[:count], order[count:]
            yield (
                places[some],
                _padded([self._alarming[place].normal for place in places[some].tolist()]),
                lengths[some],
            )


def _padded(tables: Sequence[Floats]) -> Floats:
    """Tables [M, V] of different lengths as one array [V, K, M], padded with NaN; M is at least 1."""
    views_KMV = np.full((len(tables), max(1, *map(len, tables)), tables[0].shape[1]), np.nan)
    for k, table in enumerate(tables):
        views_KMV[k, : len(table)] = table
    return np.ascontiguousarray(views_KMV.transpose(2, 0, 1))
