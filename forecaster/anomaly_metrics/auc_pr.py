"""Area under the precision-recall curve, row by row."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["AucPr"]


class AucPr(AnomalyMetric):
    """Average precision: the precision at every threshold, weighted by the recall that it adds. No interpolation.

    Missing: NaN for a series without labelled rows
    Fails:   where labels are windows around something shorter: rows of a window that look usual count as missed
    Source:  Davis and Goadrich (2006), ICML; `average_precision_score` of scikit-learn
    """

    ideals: ClassVar = {"auc_pr": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        if not case.label.any():
            return {"auc_pr": float("nan")}
        hits, alarms = _swept(case.label, case.rank)
        return {"auc_pr": float((np.diff(hits, prepend=0) / hits[-1] * hits / alarms).sum())}


def _swept(label_T: Bools, rank_T: Floats) -> tuple[Ints, Ints]:
    """Labelled rows and rows at or above each value of the score, from the highest on: [values], [values]"""
    order = np.argsort(-rank_T, kind="stable")
    ends = np.flatnonzero(np.r_[rank_T[order][1:] != rank_T[order][:-1], True])
    return np.cumsum(label_T[order], dtype=np.int64)[ends], np.asarray(ends + 1, np.int64)
