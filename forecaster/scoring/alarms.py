"""From the views of a detector to p-values and alarms, row after row, from what was known there."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from forecaster.detectors.base import PLAIN, Kinds
from forecaster.scoring.budget import Budget
from forecaster.scoring.muted import Muted
from forecaster.scoring.rules import Rules
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.thresholds.base import Threshold

__all__ = ["FEWEST_ROWS", "MEMORY_ROWS", "Alarming", "Alarms", "MakeThreshold", "normal_rows", "raise_alarms"]

MEMORY_ROWS = 5_000
"""Rows that a calibration looks back on."""
FEWEST_ROWS = 30
"""Rows without which a calibration also uses rows that taught the detector."""
_GROWTH = 0.02
"""A calibration serves until this share of its rows is new."""
_CLUSTER_LEVEL = 0.95
_COMMON_LEVELS = (0.05, 0.1, 0.2)
_KNEE = 0.8
"""Part of the alarm level, as a score, up to which a row that opens no event is scored as it is."""

Bools = npt.NDArray[np.bool_]
MakeThreshold = Callable[[], Threshold]


@dataclass(frozen=True)
class Alarms:
    """Of each row of one series: its p-value, its score -log10(p), and whether it raises an alarm.

    A p-value is that of a new event: below the rate that was asked for where the row opens one, above it elsewhere. How
    strange a row is beside that, however long its event has been open, is its `strangeness`, as -log10 of a probability.
    `opening_p` is what its p-value would be if it opened an event, of rows after training.

    Missing: NaN and no alarm
    """

    p_values: Floats
    is_anomaly: Bools
    strangeness: Floats
    opening_p: Floats

    @property
    def scores(self) -> Floats:
        """-log10 of the p-values."""
        return -np.log10(self.p_values)

    @classmethod
    def joined(cls, parts: "Sequence[Alarms]") -> "Alarms":
        """Those of some rows, and of the rows after them."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def put(self, rows: Ints, some: "Alarms") -> None:
        """Set what is said of some rows."""
        for each in fields(Alarms):
            getattr(self, each.name)[rows] = getattr(some, each.name)


def raise_alarms(
    views_TV: Floats, begin: int, end: int, rate: float, rules: Rules, make: MakeThreshold, kinds: Kinds = PLAIN
) -> Alarms:
    """P-values and alarms of one series, all of its rows at once.

    Rows `begin` to `end` are held-out normal ones, from which the rows after them are judged (`Alarming`).

    Shapes:  views_TV [time, V], scores unless `kinds` says otherwise; `rate` is alarms (events) a row
    Missing: a row with NaN in every view
    """
    return Alarming(normal_rows(views_TV, begin, end), kinds, rate, rules, make).whole(views_TV, end)


def normal_rows(views_TV: Floats, begin: int, end: int) -> Floats:
    """The rows that a series' first calibration is made of: those held out, and some before them where they are few."""
    if end - begin < FEWEST_ROWS:
        begin = max(0, end - 4 * FEWEST_ROWS)
    return views_TV[max(begin, end - MEMORY_ROWS) : end].copy()


class Alarming:
    """The alarms of one series as its rows come, one by one or many at once: the outcome is the same.

    Begins with rows that count as normal. Later rows join them as they pass, alarms too: what goes on becomes usual, and
    an alarm ends; but for those that do not calibrate. Each block of rows is judged by what came before it only. Where
    events come faster than was asked for, each new one must be stranger than the last (`Budget`). With `patience` the
    alarms of an event join only once it is so many rows old.
    """

    def __init__(
        self, normal_MV: Floats, kinds: Kinds, rate: float, rules: Rules, make: MakeThreshold, patience: int = 0
    ) -> None:
        self._kinds, self._rate, self._rules = kinds, rate, rules
        self._patience = patience
        self._normal_MV = normal_MV
        self._since: list[Floats] = []
        self._budget = Budget(rate, rules)
        self._rows = self._waiting = 0
        """Rows that were judged, and those of them that no calibration knows yet."""
        self._thresholds = [make() for _ in range(normal_MV.shape[1] - kinds.chances)]
        self._judge: _Judge | None = None
        self.muted: Muted | None = None
        """What people said of events before the next row."""

    @property
    def normal(self) -> Floats:
        """The rows that the calibration in use, or the next, is made of: [M, V]"""
        return self._normal_MV

    @property
    def views(self) -> int:
        """Number V of views."""
        return int(self._normal_MV.shape[1])

    def whole(
        self, views_TV: Floats, end: int, admitted_T: Bools | None = None, calibrates_T: Bools | None = None
    ) -> Alarms:
        """A whole series, of which the rows before `end` are training rows."""
        may_T, counts_T = (None if one is None else one[end:] for one in (admitted_T, calibrates_T))
        return Alarms.joined([self.usual(views_TV[:end]), self.judge(views_TV[end:], may_T, counts_T)])

    def usual(self, views_TV: Floats) -> Alarms:
        """Training rows, which are told how usual they are, but raise no alarm and change nothing."""
        graded_T, _ = self._calibrated().usual(views_TV)
        no_T, unknown_T = np.zeros(len(views_TV), bool), np.full(len(views_TV), np.nan)
        return Alarms(_no_news(graded_T, self._rate), no_T, -np.log10(graded_T), unknown_T)

    def judge(
        self,
        views_TV: Floats,
        admitted_T: Bools | None = None,
        calibrates_T: Bools | None = None,
        sign_T: Floats | None = None,
    ) -> Alarms:
        """Some more rows; None stands for all of them, and for unknown signs.

        Shapes: admitted_T [time]: rows that the rules let raise an alarm; calibrates_T [time]: rows that join the normal ones
        """
        quiet_TV = None
        if self.muted is not None:
            row_T = self._rows + np.arange(len(views_TV))
            quiet_TV, free_T = self.muted.quiet(row_T, views_TV, sign_T), ~self.muted.due(row_T)
            admitted_T = free_T if admitted_T is None else admitted_T & free_T
            calibrates_T = free_T if calibrates_T is None else calibrates_T & free_T
        p_T, strange_T, opening_T = np.full((3, len(views_TV)), np.nan)
        alarm_T = np.zeros(len(views_TV), bool)
        now = 0
        while now < len(views_TV):
            judge = self._calibrated()
            until = now + judge.serves - self._waiting
            block_TV = views_TV[now:until]
            calibrates = None if calibrates_T is None else calibrates_T[now:until]
            heard = None if quiet_TV is None or not quiet_TV[now:until].any() else deepcopy(judge)
            graded_T, joint_T = judge.follow(block_TV, calibrates)
            if heard is not None and quiet_TV is not None:
                _, heard_T = heard.follow(np.where(quiet_TV[now:until], np.nan, block_TV), calibrates)
                joint_T = np.where(np.isnan(heard_T) & ~np.isnan(joint_T), 1.0, heard_T)
            alarm_T[now:until], news_T, age_T = self._budget.spend(
                joint_T, self._rows, judge.level, None if admitted_T is None else admitted_T[now:until]
            )
            new_T = joint_T * (self._rate / judge.level)
            opening_T[now:until] = new_T
            p_T[now:until] = np.where(news_T, new_T, _no_news(graded_T, self._rate))
            strange_T[now:until] = -np.log10(np.where(news_T, np.fmin(graded_T, joint_T), graded_T))
            apart_T = alarm_T[now:until] & (age_T < self._patience)
            if calibrates is not None:
                apart_T |= ~calibrates
            if self.muted is not None:
                opened_T = self._rows + np.arange(len(age_T)) - age_T
                apart_T |= alarm_T[now:until] & np.isin(opened_T, self.muted.events)
            self._since.append(np.where(apart_T[:, None], np.nan, block_TV) if apart_T.any() else block_TV)
            self._rows, self._waiting = self._rows + len(block_TV), self._waiting + len(block_TV)
            now = until
        return Alarms(p_T, alarm_T, strange_T, opening_T)

    def recalibrate(self, normal_MV: Floats) -> None:
        """From now on these rows are the normal ones, the newest of them that fit into memory; rows without a view do not count."""
        if len(normal_MV) > MEMORY_ROWS:
            normal_MV = normal_MV[~np.isnan(normal_MV).all(axis=1)][-MEMORY_ROWS:]
        self._normal_MV, self._since, self._waiting, self._judge = normal_MV, [], 0, None

    def forgive(self, events: int) -> None:
        """So many events were no false alarms, and owe nothing."""
        debt = self._budget.debt
        self._budget.debt = max(min(debt, 0.0), debt - events)

    def _calibrated(self) -> "_Judge":
        """The calibration in use; a new one when it has served its time."""
        if self._judge is not None and self._waiting >= self._judge.serves:
            self.recalibrate(np.concatenate([self._normal_MV, *self._since]))
        if self._judge is None:
            self._judge = _Judge(self._normal_MV, self._kinds, self._rate, self._rules.gap, self._thresholds)
            for part_TV in self._since:  # rows that were judged before the state was stored
                self._judge.follow(part_TV)
        return self._judge

    def state(self) -> dict[str, Floats]:
        """All that `restored` needs: the rows that calibrate, and the numbers beside them."""
        carried = [one.carried for one in self._thresholds]
        numbers = [self._rows, self._waiting, *self._budget.state(), *carried]
        muted = {} if self.muted is None else self.muted.state()
        return {"rows": np.concatenate([self._normal_MV, *self._since]), "numbers": np.array(numbers, float), **muted}

    @classmethod
    def restored(
        cls,
        state: Mapping[str, Floats],
        kinds: Kinds,
        rate: float,
        rules: Rules,
        make: MakeThreshold,
        patience: int = 0,
    ) -> "Alarming":
        """From a `state`."""
        rows, waiting, *more = state["numbers"].tolist()
        split = len(state["rows"]) - int(waiting)
        made = cls(state["rows"][:split], kinds, rate, rules, make, patience)
        made._since, made._rows, made._waiting = [state["rows"][split:]], int(rows), int(waiting)
        budget = len(made._budget.state())
        made._budget.restore(more[:budget])
        for threshold, carried in zip(made._thresholds, more[budget:], strict=False):  # none before they carried one
            threshold.carried = carried
        made.muted = Muted.restored(state) if "levels" in state else None
        return made


class _Judge:
    """A calibration: each view by its own normal rows, and the least likely view of a row speaks for it.

    Taking the least of V p-values makes small ones commoner; by how much, the normal rows tell: as if there were
    `several` independent views (Sidak), 1 where the views say the same, V where they have nothing in common.
    """

    def __init__(self, normal_TV: Floats, kinds: Kinds, rate: float, gap: int, thresholds: Sequence[Threshold]) -> None:
        self.serves = max(FEWEST_ROWS, int(_GROWTH * len(normal_TV)))
        """Rows that it judges."""
        self._thresholds = thresholds
        width = normal_TV.shape[1]
        self._graded = (width - sum(kinds)) or width
        """First views, by which rows are graded; all where there are hints and chances only."""
        p_TV = self._each(normal_TV, [one.fit for one in thresholds])
        self._several = [_independent_views(_least(p_TV[:, :k]), k) for k in (self._graded, len(thresholds) or 1)]
        # Alarms come in runs that make one event each: the level per row may be that much higher.
        runs = 1.0 if any(one.of_events for one in thresholds) else _runs_share(-_least(p_TV), gap)
        self.level = min(0.5, rate / runs)

    def usual(self, views_TV: Floats) -> tuple[Floats, Floats]:
        """Probability of a row at least as strange, by the views that grade rows and by all: [time] each"""
        return self._joined(self._each(views_TV, [one.p_values for one in self._thresholds]))

    def follow(self, views_TV: Floats, calibrates_T: Bools | None = None) -> tuple[Floats, Floats]:
        """The same of rows that come one after the other, which may teach the thresholds something if they calibrate."""
        if calibrates_T is None or calibrates_T.all():
            return self._joined(self._each(views_TV, [one.follow for one in self._thresholds]))
        runs = np.split(np.arange(len(views_TV)), np.flatnonzero(np.diff(calibrates_T)) + 1)
        found = [self.follow(views_TV[k]) if calibrates_T[k[0]] else self.usual(views_TV[k]) for k in runs]
        graded, joint = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return graded, joint

    def _joined(self, p_TV: Floats) -> tuple[Floats, Floats]:
        graded, joint = (
            _sidak(_least(part), several)
            for part, several in zip((p_TV[:, : self._graded], p_TV), self._several, strict=True)
        )
        return graded, joint

    @staticmethod
    def _each(views_TV: Floats, judged: Sequence[Callable[[Floats], Floats]]) -> Floats:
        """P-values of each view; those beyond the thresholds are chances."""
        p_TV = 10.0**-views_TV
        for k, judge in enumerate(judged):
            p_TV[:, k] = judge(views_TV[:, k])
        return p_TV


def _least(p_TV: Floats) -> Floats:
    """The least of each row, NaN where all are."""
    known = ~np.isnan(p_TV).all(axis=1)
    least = np.full(len(p_TV), np.nan)
    least[known] = np.nanmin(p_TV[known], axis=1)
    return least


def _sidak(least_T: Floats, several: float) -> Floats:
    """Probability that the least of several independent ones is so small."""
    return np.asarray(-np.expm1(several * np.log1p(-np.minimum(least_T, 1 - 1e-12))))


def _no_news(p_T: Floats, rate: float) -> Floats:
    """P-values held above the rate of events, in the same order: a row that tells nothing new is no event."""
    score_T, most = -np.log10(p_T), -np.log10(rate)
    room = (1 - _KNEE) * most
    above_T = np.maximum(score_T - _KNEE * most, 0.0)
    return np.asarray(10.0 ** -np.where(above_T > 0, most - room**2 / (room + above_T), score_T))


def _independent_views(least_T: Floats, views: int) -> float:
    """How many independent views would make the least p-values as small as they are on normal rows."""
    known = least_T[~np.isnan(least_T)]
    if views == 1 or len(known) < FEWEST_ROWS:
        return float(views)
    found = [np.log1p(-min((known <= q).mean(), 0.99)) / np.log1p(-q) for q in _COMMON_LEVELS]
    return float(np.clip(np.mean(found), 1.0, views))


def _runs_share(strange_T: Floats, gap: int) -> float:
    """Runs of high rows per high row (the extremal index, by runs): 1 where they come alone."""
    known = strange_T[~np.isnan(strange_T)]
    if len(known) < 2 * FEWEST_ROWS:
        return 1.0
    high = np.flatnonzero(known >= np.quantile(known, _CLUSTER_LEVEL))
    runs = 1 + int((np.diff(high) > gap).sum())
    return max(0.1, runs / len(high))
