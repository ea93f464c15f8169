"""Turns the views of a detector into p-values and alarms, row by row, using only what was known at each row."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from forecaster.detectors.base import Kinds
from forecaster.scoring.alarms import Alarms, no_news
from forecaster.scoring.budget import Budget
from forecaster.scoring.calibration import FEWEST_ROWS, Judge
from forecaster.scoring.muted import Muted
from forecaster.scoring.rules import Rules
from forecaster.series.grid import Bools, Floats
from forecaster.thresholds._moments import Moments
from forecaster.thresholds.base import Threshold

__all__ = ["MEMORY_ROWS", "Alarming", "MakeThreshold", "Stand", "joining", "normal_rows"]

MEMORY_ROWS = 5_000
"""Maximum rows used for a calibration."""

MakeThreshold = Callable[[], Threshold]


def normal_rows(views_TV: Floats, begin: int, end: int) -> Floats:
    """The rows for a series' first calibration: those held out, plus some before them if these are few."""
    if end - begin < FEWEST_ROWS:
        begin = max(0, end - 4 * FEWEST_ROWS)
    return views_TV[max(begin, end - MEMORY_ROWS) : end].copy()


@dataclass(frozen=True)
class Stand:
    """The state of an `Alarming`: number of rows judged, rows since the last calibration, the calibration if any."""

    rows: int
    since: Floats
    """Views of the rows since the last calibration, as the thresholds saw them: [W, V]"""
    apart: Bools
    """Which of these rows will not count as normal: [W]"""
    judge: Judge | None


class Alarming:
    """The alarms of one series as its rows arrive; one by one or many at once gives the same result.

    It starts from rows that count as normal. Later rows join them, even alarms, so that a lasting change becomes usual
    and its alarm ends; only rows that do not calibrate are left out. Each block of rows is judged only by what came
    before it. If events come faster than the requested rate, each new one must be stranger than the last (`Budget`).
    With `patience`, alarms of an event join the normal rows only once the event is that many rows old.
    """

    def __init__(
        self, normal_MV: Floats, kinds: Kinds, rate: float, rules: Rules, make: MakeThreshold, patience: int = 0
    ) -> None:
        self._kinds, self._rate, self._rules = kinds, rate, rules
        self.patience = patience
        self._normal_MV, self.moments = normal_MV, Moments.of(normal_MV)
        self._since: list[Floats] = []
        self._apart: list[Bools] = []
        self.budget = Budget(rate, rules)
        self._rows = self._waiting = 0
        """Number of rows judged, and of those since the last calibration."""
        self.thresholds = [make() for _ in range(normal_MV.shape[1] - kinds.chances)]
        self._judge: Judge | None = None
        self.muted: Muted | None = None
        """What people said about events, as it applies from the next row on."""

    @property
    def normal(self) -> Floats:
        """The normal rows of the current calibration, or of the next if there is none: [M, V]"""
        return self._normal_MV

    def stand(self) -> "Stand":
        """The current state, from which `resume` continues."""
        since_TV = np.concatenate([self._normal_MV[:0], *self._since])
        return Stand(self._rows, since_TV, np.concatenate([np.zeros(0, bool), *self._apart]), self._judge)

    def resume(self, stand: "Stand") -> None:
        """Continue from another state with the same normal rows."""
        self._rows, self._waiting, self._judge = stand.rows, len(stand.since), stand.judge
        self._since, self._apart = [stand.since], [stand.apart]

    @property
    def views(self) -> int:
        """Number V of views."""
        return int(self._normal_MV.shape[1])

    def whole(
        self, views_TV: Floats, end: int, admitted_T: Bools | None = None, calibrates_T: Bools | None = None
    ) -> Alarms:
        """Judge a whole series, whose rows before `end` are training rows."""
        may_T, counts_T = (None if one is None else one[end:] for one in (admitted_T, calibrates_T))
        return Alarms.joined([self.usual(views_TV[:end]), self.judge(views_TV[end:], may_T, counts_T)])

    def usual(self, views_TV: Floats) -> Alarms:
        """Grade training rows, which raise no alarm and change nothing."""
        graded_T, *_ = self._calibrated().usual(views_TV)
        none = Alarms.nothing(len(views_TV))
        return replace(none, p_values=no_news(graded_T, self._rate), strangeness=-np.log10(graded_T))

    def judge(
        self,
        views_TV: Floats,
        admitted_T: Bools | None = None,
        calibrates_T: Bools | None = None,
        sign_T: Floats | None = None,
    ) -> Alarms:
        """Judge further rows. None for `admitted_T` or `calibrates_T` means all rows, for `sign_T` unknown signs.

        Shapes: admitted_T [time]: rows that may raise an alarm by the rules; calibrates_T [time]: rows that may count
            as normal
        """
        quiet_TV = None
        if self.muted is not None:
            row_T = self._rows + np.arange(len(views_TV))
            quiet_TV, free_T = self.muted.quiet(row_T, views_TV, sign_T), ~self.muted.due(row_T)
            admitted_T = free_T if admitted_T is None else admitted_T & free_T
            calibrates_T = free_T if calibrates_T is None else calibrates_T & free_T
        every, now = Alarms.nothing(len(views_TV)), 0
        while now < len(views_TV):
            judge = self._calibrated()
            block = slice(now, now + judge.serves - self._waiting)
            given = (None if one is None else one[block] for one in (admitted_T, calibrates_T, quiet_TV))
            every.put(block, self._block(judge, views_TV[block], *given))
            now = block.stop
        return every

    def _block(
        self,
        judge: Judge,
        views_TV: Floats,
        admitted_T: Bools | None,
        calibrates_T: Bools | None,
        quiet_TV: Bools | None,
    ) -> Alarms:
        """Judge rows that are served by one calibration."""
        graded_T, joint_T, p_VT = _heard(judge, views_TV, calibrates_T, quiet_TV)
        alarm_T, news_T, age_T = self.budget.spend(joint_T, self._rows, judge.level, admitted_T)
        apart_T = alarm_T & (age_T < self.patience)
        if calibrates_T is not None:
            views_TV = np.where(calibrates_T[:, None], views_TV, np.nan)
        if self.muted is not None:
            opened_T = self._rows + np.arange(len(age_T)) - age_T
            apart_T |= alarm_T & np.isin(opened_T, self.muted.events)
        self._since.append(views_TV)
        self._apart.append(apart_T)
        self._rows, self._waiting = self._rows + len(views_TV), self._waiting + len(views_TV)
        return Alarms.of(graded_T, joint_T, p_VT, alarm_T, news_T, self._rate, judge.level)

    def learn(self, since_TV: Floats, moments: Moments | None = None) -> None:
        """Add rows to the normal ones; `moments`, if already computed, include all rows so far."""
        self.moments = self.moments.joined(Moments.of(since_TV)) if moments is None else moments
        self._begin(np.concatenate([self._normal_MV, since_TV]))

    def recalibrate(self, normal_MV: Floats) -> None:
        """Replace the normal rows; only the newest MEMORY_ROWS that have a view are kept."""
        self._begin(normal_MV)
        self.moments = Moments.of(self._normal_MV)

    def _begin(self, normal_MV: Floats) -> None:
        """Use these rows for the next calibration."""
        if len(normal_MV) > MEMORY_ROWS:
            normal_MV = normal_MV[~np.isnan(normal_MV).all(axis=1)][-MEMORY_ROWS:]
        self._normal_MV = normal_MV
        self._since, self._apart, self._waiting, self._judge = [], [], 0, None

    def forgive(self, events: int) -> None:
        """Take the debt of some events off the budget, because they were no false alarms."""
        debt = self.budget.debt
        self.budget.debt = max(min(debt, 0.0), debt - events)

    def _calibrated(self) -> "Judge":
        """The current calibration, renewed if it is due."""
        if self._judge is not None and self._waiting >= self._judge.serves:
            stand = self.stand()
            self.learn(joining(stand.since, stand.apart))
        if self._judge is None:
            settings = self._kinds, self._rate, self._rules.gap
            self._judge = Judge.fit(self._normal_MV, self.moments, *settings, self.thresholds)
            for part_TV in self._since:  # rows judged before the state was stored
                self._judge.follow(part_TV)
        return self._judge

    def state(self) -> dict[str, Floats]:
        """Everything `restored` needs: the rows that calibrate, and some numbers."""
        carried = [one.carried for one in self.thresholds]
        numbers = [self._rows, self._waiting, *self.budget.state(), *carried]
        muted, apart_T = {} if self.muted is None else self.muted.state(), self.stand().apart
        apart = {"apart": apart_T[:, None].astype(float)} if apart_T.any() else {}
        rows = np.concatenate([self._normal_MV, *self._since])
        return {"rows": rows, "moments": np.stack(self.moments), "numbers": np.array(numbers, float), **apart, **muted}

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
        made._apart = [state["apart"][:, 0] > 0 if "apart" in state else np.zeros(int(waiting), bool)]
        if "moments" in state:  # states of earlier versions have none
            made.moments = Moments(*state["moments"])
        budget = len(made.budget.state())
        made.budget.restore(more[:budget])
        for threshold, carried in zip(made.thresholds, more[budget:], strict=False):  # earlier versions have none
            threshold.carried = carried
        made.muted = Muted.restored(state) if "levels" in state else None
        return made


def joining(since_TV: Floats, apart_T: Bools) -> Floats:
    """Rows that will count as normal, with NaN for those kept apart. Shapes: [..., T, V], [..., T]"""
    return np.where(apart_T[..., None], np.nan, since_TV)


def _heard(
    judge: Judge, views_TV: Floats, calibrates_T: Bools | None, quiet_TV: Bools | None
) -> tuple[Floats, Floats, Floats]:
    """P-values as from `Judge.follow`; muted views open no event, but still update the thresholds."""
    if quiet_TV is None or not quiet_TV.any():
        return judge.follow(views_TV, calibrates_T)
    other = deepcopy(judge)
    graded_T, joint_T, _ = judge.follow(views_TV, calibrates_T)
    _, heard_T, p_VT = other.follow(np.where(quiet_TV, np.nan, views_TV), calibrates_T)
    return graded_T, np.where(np.isnan(heard_T) & ~np.isnan(joint_T), 1.0, heard_T), p_VT
