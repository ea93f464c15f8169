"""The contract of an anomaly metric: numbers from labelled series and a detector's output for them.

Metrics of forecasts are in `metrics/`: they are sums of terms over cutoffs. A detector is judged on whole series.
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
    """All rows of one series in time order: labels and a detector's output.

    Shapes:  label, score, p_value, event [T]; `event` numbers the event that a row's alarm belongs to, -1 for no alarm
    Units:   score on any scale, higher is stranger; `buffer` in rows; `rate`: wanted false alarms per row; `week`: rows
        in a week
    Missing: a NaN score is the least strange of all; NaN p-values are left out; `week` is NaN if `ds` is not a time
    """

    label: Bools
    score: Floats
    p_value: Floats
    event: Ints
    begin: int = 0
    """First row that is judged; the detector was trained on the rows before."""
    buffer: int = 125
    """Rows around a window in which an alarm counts partly, for metrics that use a buffer."""
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
        """The score, with -infinity for a missing one."""
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
    """The best value of every number, by name; NaN if none is better than another."""
    single: ClassVar[bool] = True
    """Whether the number of a single series is meaningful."""
    pooled: ClassVar[bool] = False
    """Whether the series of all folders are pooled; if not, each folder has its numbers, and their mean is taken."""

    @classmethod
    @abstractmethod
    def of(cls, case: Case) -> Numbers:
        """The numbers of one series, all of whose rows are judged; NaN if there is nothing to judge."""

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        """The numbers of several series: means over the series that have a number."""
        found = [cls.of(case.test) for case in cases]
        return {name: _mean([numbers[name] for numbers in found]) for name in cls.ideals}


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if value == value]
    return float(np.mean(known)) if known else float("nan")
