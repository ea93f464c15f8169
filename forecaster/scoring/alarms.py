"""From the views of a detector to p-values and alarms, row after row, from what was known there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.series.grid import Floats
from forecaster.thresholds.base import Threshold

__all__ = ["Alarming", "Alarms", "normal_rows", "raise_alarms"]

_MEMORY_ROWS = 5_000
"""Rows that a calibration looks back on."""
_FEWEST_ROWS = 30
"""Rows without which a calibration also uses rows that taught the detector."""
_GROWTH = 0.1
"""A calibration serves until this share of its rows is new."""
_CLUSTER_LEVEL = 0.95
_COMMON_LEVELS = (0.05, 0.1, 0.2)

Bools = npt.NDArray[np.bool_]
MakeThreshold = Callable[[], Threshold]


@dataclass(frozen=True)
class Alarms:
    """Of each row of one series: its p-value, its score -log10(p), and whether it raises an alarm.

    Missing: NaN and no alarm
    """

    p_values: Floats
    is_anomaly: Bools

    @property
    def scores(self) -> Floats:
        """-log10 of the p-values."""
        return -np.log10(self.p_values)


def raise_alarms(views_TV: Floats, begin: int, end: int, rate: float, gap: int, make: MakeThreshold) -> Alarms:
    """P-values and alarms of one series, all of its rows at once.

    Rows `begin` to `end` are held-out normal ones, from which the rows after them are judged (`Alarming`).

    Shapes:  views_TV [time, V]; `rate` is alarms (events) a row, `gap` the rows that an event may pause
    Missing: a row with NaN in every view
    """
    return Alarming(normal_rows(views_TV, begin, end), rate, gap, make).whole(views_TV, end)


def normal_rows(views_TV: Floats, begin: int, end: int) -> Floats:
    """The rows that a series' first calibration is made of: those held out, and some before them where they are few."""
    if end - begin < _FEWEST_ROWS:
        begin = max(0, end - 4 * _FEWEST_ROWS)
    return views_TV[max(begin, end - _MEMORY_ROWS) : end].copy()


class Alarming:
    """The alarms of one series as its rows come, one by one or many at once: the outcome is the same.

    Begins with rows that count as normal. Later rows join them as they pass, alarms held down to what was the highest
    normal score. Each block of rows is judged by what came before it only. Where events come faster than was asked for,
    each new one must be stranger than the last (`_Budget`).
    """

    def __init__(self, normal_MV: Floats, rate: float, gap: int, make: MakeThreshold) -> None:
        self._rate, self._gap, self._make = rate, gap, make
        self._normal_MV = normal_MV
        self._since: list[Floats] = []
        self._budget = _Budget(rate, gap)
        self._rows = self._waiting = 0
        """Rows that were judged, and those of them that no calibration knows yet."""
        self._judge: _Judge | None = None

    @property
    def views(self) -> int:
        """Number V of views."""
        return int(self._normal_MV.shape[1])

    def whole(self, views_TV: Floats, end: int) -> Alarms:
        """A whole series, of which the rows before `end` are training rows."""
        usual, found = self.usual(views_TV[:end]), self.judge(views_TV[end:])
        return Alarms(np.append(usual.p_values, found.p_values), np.append(usual.is_anomaly, found.is_anomaly))

    def usual(self, views_TV: Floats) -> Alarms:
        """Training rows, which are told how usual they are, but raise no alarm and change nothing."""
        return Alarms(self._calibrated().p_values(views_TV), np.zeros(len(views_TV), bool))

    def judge(self, views_TV: Floats) -> Alarms:
        """Some more rows."""
        p_T, alarm_T = np.full(len(views_TV), np.nan), np.zeros(len(views_TV), bool)
        now = 0
        while now < len(views_TV):
            judge = self._calibrated()
            until = now + judge.serves - self._waiting
            block_TV = views_TV[now:until]
            p_T[now:until] = judge.p_values(block_TV)
            alarm_T[now:until] = self._budget.spend(p_T[now:until], self._rows, judge.level)
            held_TV = np.minimum(block_TV, judge.highest_V)
            self._since.append(np.where(alarm_T[now:until, None], held_TV, block_TV))
            self._rows, self._waiting = self._rows + len(block_TV), self._waiting + len(block_TV)
            now = until
        return Alarms(p_T, alarm_T)

    def _calibrated(self) -> "_Judge":
        """The calibration in use; a new one when it has served its time."""
        if self._judge is not None and self._waiting >= self._judge.serves:
            self._normal_MV = np.concatenate([self._normal_MV, *self._since])[-_MEMORY_ROWS:]
            self._since, self._waiting, self._judge = [], 0, None
        if self._judge is None:
            self._judge = _Judge(self._normal_MV, self._rate, self._gap, self._make)
        return self._judge

    def state(self) -> dict[str, Floats]:
        """All that `restored` needs: the rows that calibrate, and the numbers beside them."""
        numbers = [self._rows, self._waiting, *self._budget.state()]
        return {"rows": np.concatenate([self._normal_MV, *self._since]), "numbers": np.array(numbers, float)}

    @classmethod
    def restored(cls, state: Mapping[str, Floats], rate: float, gap: int, make: MakeThreshold) -> "Alarming":
        """From a `state`."""
        rows, waiting, *budget = state["numbers"].tolist()
        split = len(state["rows"]) - int(waiting)
        made = cls(state["rows"][:split], rate, gap, make)
        made._since, made._rows, made._waiting = [state["rows"][split:]], int(rows), int(waiting)
        made._budget.restore(budget)
        return made


class _Judge:
    """A calibration: each view by its own normal rows, and the least likely view of a row speaks for it.

    Taking the least of V p-values makes small ones commoner; by how much, the normal rows tell: as if there were
    `several` independent views (Sidak), 1 where the views say the same, V where they have nothing in common.
    """

    def __init__(self, normal_TV: Floats, rate: float, gap: int, make: MakeThreshold) -> None:
        self.serves = max(_FEWEST_ROWS, int(_GROWTH * len(normal_TV)))
        """Rows that it judges."""
        self.views = [make() for _ in range(normal_TV.shape[1])]
        for view, scores in zip(self.views, normal_TV.T, strict=True):
            view.fit(scores)
        self.highest_V = _highest(normal_TV)
        least_T = self._least(normal_TV)
        self.several = _independent_views(least_T, len(self.views))
        # Alarms come in runs that make one event each: the level per row may be that much higher.
        self.level = min(0.5, rate / _runs_share(-least_T, gap))

    def p_values(self, views_TV: Floats) -> Floats:
        """Probability of a row at least as strange: [time]"""
        return np.asarray(-np.expm1(self.several * np.log1p(-np.minimum(self._least(views_TV), 1 - 1e-12))))

    def _least(self, views_TV: Floats) -> Floats:
        p_TV = np.column_stack([view.p_values(scores) for view, scores in zip(self.views, views_TV.T, strict=True)])
        known = ~np.isnan(p_TV).all(axis=1)
        least = np.full(len(p_TV), np.nan)
        least[known] = np.nanmin(p_TV[known], axis=1)
        return least


class _Budget:
    """Holds events to the requested rate in the long run, whatever the data do.

    Every event adds one to a debt that is paid off at the requested rate; while there is debt the level falls
    by a factor e^2 for each event owed. A quiet series owes nothing, and its first event is free.
    """

    _STRICTNESS = 2.0

    def __init__(self, rate: float, gap: int) -> None:
        self.rate, self.gap = rate, gap
        self.debt = 0.0
        self.paid_at = 0
        self.last_alarm = -(10**9)
        self.open_level = 0.0

    def state(self) -> tuple[float, ...]:
        """What it remembers."""
        return self.debt, self.paid_at, self.last_alarm, self.open_level

    def restore(self, state: Sequence[float]) -> None:
        """Remember a `state`."""
        self.debt, paid_at, last_alarm, self.open_level = state
        self.paid_at, self.last_alarm = int(paid_at), int(last_alarm)

    def spend(self, p_T: Floats, start: int, level: float) -> Bools:
        """Alarms among rows whose p-values are given, the first of them at position `start`."""
        alarm_T = np.zeros(len(p_T), bool)
        for k in np.flatnonzero(p_T < level):
            position = start + int(k)
            if position - self.last_alarm <= self.gap:
                alarm_T[k] = p_T[k] < self.open_level
            else:
                self.debt = max(0.0, self.debt - self.rate * (position - self.paid_at))
                self.paid_at = position
                limit = level * float(np.exp(-self._STRICTNESS * self.debt))
                alarm_T[k] = p_T[k] < limit
                if alarm_T[k]:
                    self.debt, self.open_level = self.debt + 1, limit
            if alarm_T[k]:
                self.last_alarm = position
        return alarm_T


def _highest(normal_TV: Floats) -> Floats:
    filled = np.where(np.isnan(normal_TV), -np.inf, normal_TV)
    highest: Floats = filled.max(axis=0, initial=-np.inf)
    return highest


def _independent_views(least_T: Floats, views: int) -> float:
    """How many independent views would make the least p-values as small as they are on normal rows."""
    known = least_T[~np.isnan(least_T)]
    if views == 1 or len(known) < _FEWEST_ROWS:
        return float(views)
    found = [np.log1p(-min((known <= q).mean(), 0.99)) / np.log1p(-q) for q in _COMMON_LEVELS]
    return float(np.clip(np.mean(found), 1.0, views))


def _runs_share(strange_T: Floats, gap: int) -> float:
    """Runs of high rows per high row (the extremal index, by runs): 1 where they come alone."""
    known = strange_T[~np.isnan(strange_T)]
    if len(known) < 2 * _FEWEST_ROWS:
        return 1.0
    high = np.flatnonzero(known >= np.quantile(known, _CLUSTER_LEVEL))
    runs = 1 + int((np.diff(high) > gap).sum())
    return max(0.1, runs / len(high))
