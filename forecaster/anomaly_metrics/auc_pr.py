"""Area under the precision-recall curve, row by row."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["AucPr"]


class AucPr(AnomalyMetric):
    """Average precision: precision at every threshold, weighted by the increase in recall; no interpolation.

    Missing: NaN for a series without labelled rows
    Fails:   if labels are windows around shorter anomalies: usual rows in a window count as missed
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
    """Numbers of labelled rows and of all rows at or above each score, highest score first: [values], [values]"""
    order = np.argsort(-rank_T, kind="stable")
    ends = np.flatnonzero(np.r_[rank_T[order][1:] != rank_T[order][:-1], True])
    return np.cumsum(label_T[order], dtype=np.int64)[ends], np.asarray(ends + 1, np.int64)
