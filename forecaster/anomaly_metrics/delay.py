"""Rows from the start of a window to its first alarm."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.grid import Floats

__all__ = ["Delay"]


class Delay(AnomalyMetric):
    """Mean and median number of rows from the start of a labelled window to the first alarm in it.

    Taken over all windows of all series that hold an alarm; read it with `event_recall`, their share of all windows.

    Missing: NaN if no window holds an alarm
    Fails:   if labels begin before anything can be seen, as NAB's windows do by design
    """

    ideals: ClassVar = {"delay_mean": 0.0, "delay_median": 0.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        return cls.over([case])

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        rows = np.concatenate([_delays(case.test) for case in cases] or [np.zeros(0)])
        if len(rows) == 0:
            return dict.fromkeys(cls.ideals, float("nan"))
        return {"delay_mean": float(rows.mean()), "delay_median": float(np.median(rows))}


def _delays(case: Case) -> Floats:
    """Delay of every window with an alarm: [windows]"""
    alarms = np.r_[np.flatnonzero(case.event >= 0), len(case.event)]
    first = alarms[np.searchsorted(alarms, case.windows[:, 0])]
    return np.asarray((first - case.windows[:, 0])[first <= case.windows[:, 1]], float)
