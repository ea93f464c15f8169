"""The event budget: which rows open an event and which belong to one, by the requested rate and the rules."""

from collections.abc import Sequence

import numpy as np

from forecaster.scoring.rules import Rules
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Budget", "worth_a_look"]

_WORSE = 0.3
"""Factor on the level below which a row of an open event counts as news again, once per event."""
_HIGHEST = 0.5
"""Highest level that credit can lead to."""
_LONG_AGO = -(10**9)


class Budget:
    """Holds events to the requested rate in the long run, for any data.

    Every event adds one to a debt that is paid off at the requested rate. Beyond one event of debt, the level falls by
    a factor e^2 for each further one; beyond one event of credit, as with a too cautious calibration, it rises, by up
    to a factor e. Rows that the rules keep from opening an event add no debt.
    """

    _STRICTNESS, _LENIENCE = 2.0, 1.0
    _FREE = 1.0
    _MOST_CREDIT = 2.0
    """Limits the level to e times the requested one, so that a quiet period does not turn usual rows into alarms."""

    def __init__(self, rate: float, rules: Rules) -> None:
        self.rate, self.rules = rate, rules
        self.debt = 0.0
        self.paid_at = 0
        self.last_alarm = _LONG_AGO
        self.open_level = 0.0
        self.worse = False
        self.opened_at = _LONG_AGO
        self._strange = _Strange()

    def state(self) -> tuple[float, ...]:
        """All that it remembers, as numbers."""
        numbers = (self.debt, self.paid_at, self.last_alarm, self.open_level, self.worse, self.opened_at)
        return (*numbers, *self._strange.state())

    def restore(self, state: Sequence[float]) -> None:
        """Continue from a `state`."""
        self.debt, paid_at, last_alarm, self.open_level, worse, *rest = state
        opened_at, *strange = rest or (_LONG_AGO,)  # states from before there were rules have no more
        self.paid_at, self.last_alarm, self.worse = int(paid_at), int(last_alarm), bool(worse)
        self.opened_at, self._strange = int(opened_at), _Strange(*map(int, strange))

    def spend(
        self, p_T: Floats, start: int, level: float, admitted_T: Bools | None = None
    ) -> tuple[Bools, Bools, Ints]:
        """Which of some rows, the first at position `start`, are alarms; which are news; the age of each alarm's event.

        Shapes: admitted_T [time]: rows that may raise an alarm; None for all
        """
        alarm_T, news_T = np.zeros(len(p_T), bool), np.zeros(len(p_T), bool)
        age_T = np.zeros(len(p_T), np.int64)
        highest = max(level, self._limit(start + len(p_T), level))  # between two events it only rises
        low_T = p_T < highest * self.rules.hysteresis
        for k in np.flatnonzero(low_T if admitted_T is None else low_T & admitted_T):
            position, p = start + int(k), float(p_T[k])
            if position - self.last_alarm <= self.rules.gap:
                alarm_T[k] = p < self.open_level * self.rules.hysteresis
                if alarm_T[k] and p < level * _WORSE and not self.worse:
                    news_T[k] = self.worse = True
            elif p < max(level, self._limit(position, level)):  # strange enough, but for debt
                alarm_T[k] = news_T[k] = self._opens(p, position, level)
            if alarm_T[k]:
                self.last_alarm, age_T[k] = position, position - self.opened_at
        return alarm_T, news_T, age_T

    def _opens(self, p: float, position: int, level: float) -> bool:
        """Whether a row opens an event; if so, it adds to the debt."""
        self.debt = self._debt(position)
        self.paid_at = position
        limit = self._limit(position, level)
        if p >= limit or not self._may_open(position):
            return False
        self.worse = p < level * _WORSE
        self.debt, self.open_level, self.opened_at = self.debt + 1, min(limit, level), position
        return True

    def _debt(self, position: int) -> float:
        return max(-self._MOST_CREDIT, self.debt - self.rate * (position - self.paid_at))

    def _limit(self, position: int, level: float) -> float:
        """The level below which a row opens an event."""
        debt = self._debt(position)
        stricter, laxer = max(0.0, debt - self._FREE), max(0.0, -debt - self._FREE)
        factor = float(np.exp(self._LENIENCE * laxer - self._STRICTNESS * stricter))
        return level * factor if factor <= 1 else max(level, min(_HIGHEST, level * factor))

    def _may_open(self, position: int) -> bool:
        """Whether the rules allow an event to begin at a row that is strange enough."""
        rules = self.rules
        self._strange.add(position, rules.n)
        rested = position - self.last_alarm > rules.cool_down and position - self.opened_at >= rules.refractory
        return rested and self._strange.count() >= rules.m and self._strange.run >= rules.min_length


def worth_a_look(budgets: Sequence[Budget], p_n: Floats, position_n: Ints, level_n: Floats, admitted_n: Bools) -> Ints:
    """Which rows, one for each budget, `spend` must look at; the others cannot be alarms. Shapes: [n]"""
    debt_n, paid_n = np.array([one.debt for one in budgets]), np.array([one.paid_at for one in budgets])
    credit_n = np.clip(budgets[0].rate * (position_n + 1 - paid_n) - debt_n - Budget._FREE, 0.0, Budget._MOST_CREDIT)
    highest_n = level_n * np.exp(Budget._LENIENCE * credit_n) * (1 + 1e-9)
    return np.flatnonzero((p_n < highest_n * budgets[0].rules.hysteresis) & admitted_n)


class _Strange:
    """Remembers which of the last n rows were strange enough to open an event, and how many in a row were."""

    def __init__(self, newest: int = _LONG_AGO, bits: int = 0, run: int = 0) -> None:
        self._newest, self._bits, self.run = newest, bits, run

    def state(self) -> tuple[int, int, int]:
        return self._newest, self._bits, self.run

    def add(self, position: int, n: int) -> None:
        """Add one; those n or more rows old are forgotten."""
        steps = position - self._newest
        self.run = self.run + 1 if steps == 1 else 1
        self._bits = ((self._bits << min(steps, n)) | 1) & ((1 << n) - 1)
        self._newest = position

    def count(self) -> int:
        return self._bits.bit_count()
