"""Affiliation precision and recall: how near alarms and windows are, compared with random places."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.anomaly_metrics.ranges import harmonic
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Affiliation"]

_CELLS = 4
"""Cells per row. Distances have kinks only at quarters of rows, so the midpoint rule over quarters is exact."""


class Affiliation(AnomalyMetric):
    """How near alarms are to windows (precision) and windows to alarms (recall), compared with random places.

    Each is the mean probability that a random place is farther off.

    Time is divided half-way between windows; each part is judged on its own, and the result is their mean. An event
    reaches from its first alarm to its last.

    Missing: a part without alarms has recall 0 and no precision; NaN without windows
    Fails:   if read alone: random alarms reach 0.5, and F1 of most detectors is from 0.7 to 0.9. Compare it with that
        of a random score
    Source:  Huet, Navarro and Rossi (2022), KDD, equations 5 to 8; numbers of ahstat/affiliation-metrics-py
    """

    ideals: ClassVar = {"affiliation_precision": 1.0, "affiliation_recall": 1.0, "affiliation_f1": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        if not case.label.any():
            return dict.fromkeys(cls.ideals, float("nan"))
        windows = case.windows * _CELLS + np.array([0, _CELLS])
        alarm_T = np.repeat(_covered(case), _CELLS)
        borders = np.r_[0, (windows[:-1, 1] + windows[1:, 0]) // 2, len(alarm_T)]
        precisions, recalls = [], []
        for (start, end), a, b in zip(windows, borders[:-1], borders[1:], strict=True):
            alarms = np.flatnonzero(alarm_T[a:b])
            if len(alarms):
                precisions.append(_precision(alarms, start - a, end - a, b - a))
            recalls.append(_recall(alarms, start - a, end - a, b - a) if len(alarms) else 0.0)
        precision, recall = (float(np.mean(one)) if one else float("nan") for one in (precisions, recalls))
        return dict(zip(cls.ideals, (precision, recall, harmonic(precision, recall)), strict=True))


def _covered(case: Case) -> Bools:
    """Rows from the first to the last alarm of any event."""
    covered_T = np.zeros(len(case.label), bool)
    for first, last in case.events:
        covered_T[first : last + 1] = True
    return covered_T


def _precision(alarms: Ints, start: int, end: int, size: int) -> float:
    """Mean over alarm cells of the probability that a random place is at least as far from the window [start, end)."""
    place = alarms + 0.5
    away = np.maximum(np.maximum(start - place, place - end), 0)
    nearer = end - start + np.minimum(away, start) + np.minimum(away, size - end)
    return float(np.where(away > 0, 1 - nearer / size, 1.0).mean())


def _recall(alarms: Ints, start: int, end: int, size: int) -> float:
    """Mean over window cells of the probability that a random place is at least as far as the nearest alarm."""
    place = np.arange(start, end, dtype=np.float64) + 0.5
    away = _nearest(alarms, place)
    nearer = np.minimum(place + away, size) - np.maximum(place - away, 0)
    return float(np.where(away > 0, 1 - nearer / size, 1.0).mean())


def _nearest(alarms: Ints, place: Floats) -> Floats:
    """Distance from each place to the nearest alarm cell, 0 inside one."""
    after = np.searchsorted(alarms, place)
    left = np.r_[-np.inf, alarms + 1.0][after]
    right = np.r_[alarms.astype(float), np.inf][after]
    return np.asarray(np.maximum(np.minimum(place - left, right - place), 0))
