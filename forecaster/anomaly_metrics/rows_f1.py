"""F1 of rows, at three kinds of threshold."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["RowsF1"]


class RowsF1(AnomalyMetric):
    """F1 of single rows, averaged over series: at the detector's alarms, at the best threshold, and at a frozen one.

    `f1_oracle` picks each series' threshold with its own labels, as many papers do; in use that is impossible, so it is
    an upper bound, not a result. `f1_frozen` is honest: each half of the series (every other one in order) has the
    threshold that is best on the other half.

    Missing: NaN for a series without labelled rows; `f1_frozen` for a single series
    Fails:   if labels are windows around shorter anomalies
    Source:  `f1_oracle` is Standard-F1 of TSB-AD (Liu and Paparrizos 2024)
    """

    ideals: ClassVar = {"f1_alarms": 1.0, "f1_oracle": 1.0, "f1_frozen": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        if not case.label.any():
            return dict.fromkeys(cls.ideals, float("nan"))
        found = f1(case.label, case.event >= 0)
        return {"f1_alarms": found, "f1_oracle": float(_curve(case)[1].max()), "f1_frozen": float("nan")}

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        curves = [_curve(case.test) for case in cases if case.test.label.any()]
        found = [at for half in (0, 1) for at in _frozen(curves[half::2], curves[1 - half :: 2])]
        return {**super().over(cases), "f1_frozen": float(np.mean(found)) if found else float("nan")}


def f1(label_T: Bools, alarm_T: Bools) -> float:
    """F1 of rows: twice the rows in both, divided by the sum of both counts."""
    return float(2 * (label_T & alarm_T).sum() / max(label_T.sum() + alarm_T.sum(), 1))


Curve = tuple[Floats, Floats]
"""Thresholds, the highest first, and the F1 at each. Shapes: [n], [n]"""


def _curve(case: Case) -> Curve:
    rank = case.rank
    order: Ints = np.argsort(-rank, kind="stable")
    ends = np.flatnonzero(np.r_[rank[order][1:] != rank[order][:-1], True])
    return rank[order][ends], 2 * np.cumsum(case.label[order])[ends] / (case.label.sum() + ends + 1)


def _frozen(judged: list[Curve], others: list[Curve]) -> list[float]:
    """F1 of each series at the threshold with the best mean F1 on the others."""
    if not others:
        return []
    candidates = np.unique(np.concatenate([_thinned(thresholds) for thresholds, _ in others]))
    means = np.mean([_at(curve, candidates) for curve in others], axis=0)
    return [float(_at(curve, candidates[[np.argmax(means)]])[0]) for curve in judged]


def _thinned(thresholds: Floats) -> Floats:
    """At most some hundred thresholds, spread evenly over the ranks."""
    return np.asarray(thresholds[np.unique(np.linspace(0, len(thresholds) - 1, 500).astype(int))])


def _at(curve: Curve, thresholds: Floats) -> Floats:
    """F1 if every row at or above a threshold is an alarm; 0 if no row is."""
    values, found = curve
    return np.asarray(np.r_[0.0, found][np.searchsorted(-values, -thresholds, side="right")])
