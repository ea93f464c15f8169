"""The contract of an anomaly metric: numbers from labelled series and what a detector said of them.

Forecasts have metrics of their own in `metrics/`: their terms add up over cutoffs. A detector is judged on whole series.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics._runs import runs
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["AnomalyMetric", "Case", "Numbers"]

Numbers = dict[str, float]


@dataclass(frozen=True)
class Case:
    """All rows of one series in time order: their labels, and what a detector said.

    Shapes:  label, score, p_value, event [T]; `event` numbers the event that a row's alarm belongs to, -1 for no alarm
    Units:   score on any scale, higher is stranger; `buffer` in rows; `rate` in false alarms a row, as asked for;
        `week` in rows
    Missing: a NaN score is the least strange of all; NaN p-values are left out; `week` is NaN where `ds` is no time
    """

    label: Bools
    score: Floats
    p_value: Floats
    event: Ints
    begin: int = 0
    """First row that is judged: what came before it taught the detector."""
    buffer: int = 125
    """Rows around a window in which an alarm counts in part, for metrics that know such."""
    rate: float = 1e-3
    week: float = float("nan")

    def __post_init__(self) -> None:
        assert self.label.shape == self.score.shape == self.p_value.shape == self.event.shape
        assert self.label.ndim == 1

    @cached_property
    def test(self) -> "Case":
        """The rows that are judged."""
        parts = {name: getattr(self, name)[self.begin :] for name in ("label", "score", "p_value", "event")}
        return replace(self, **parts, begin=0)

    @property
    def rank(self) -> Floats:
        """The score, with -infinity where it is missing."""
        return np.where(np.isnan(self.score), -np.inf, self.score)

    @property
    def windows(self) -> Ints:
        """First and last row of every labelled window: [n, 2]"""
        return runs(self.label)

    @property
    def events(self) -> Ints:
        """First and last alarm of every event, in order: [n, 2]"""
        rows = np.flatnonzero(self.event >= 0)
        numbers = self.event[rows]
        first = np.r_[True, numbers[1:] != numbers[:-1]] if len(rows) else np.zeros(0, bool)
        last = np.r_[first[1:], True] if len(rows) else first
        return np.column_stack([rows[first], rows[last]])


class AnomalyMetric(ABC):
    """One definition, and the numbers it gives."""

    ideals: ClassVar[dict[str, float]]
    """Name of every number, and the value that is best; NaN for one that is no verdict."""
    single: ClassVar[bool] = True
    """Whether one series alone has a number worth reading."""
    pooled: ClassVar[bool] = False
    """Whether folders are put together; else each has its numbers, and their mean counts."""

    @classmethod
    @abstractmethod
    def of(cls, case: Case) -> Numbers:
        """The numbers of one series, all of whose rows are judged; NaN where there is nothing to judge."""

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        """The numbers of several series: means over those that have one."""
        found = [cls.of(case.test) for case in cases]
        return {name: _mean([numbers[name] for numbers in found]) for name in cls.ideals}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
