"""Precision and recall of ranges."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics._runs import overlaps
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Ranges"]

_EXISTENCE = 0.2
"""Weight in the recall of being found at all, as in TSB-AD; the rest is for overlap."""


class Ranges(AnomalyMetric):
    """How much of each window the events cover (recall), how much of each event lies in windows (precision), and F1.

    The overlap of a range covered in x pieces is divided by x; all positions in a range count equally. An event reaches
    from its first alarm to its last.

    Missing: NaN without windows (recall), without events (precision), without either (F1)
    Fails:   if windows are long and a detector shows when an anomaly is, but not how long
    Source:  Tatbul et al. (2018), NeurIPS, equations 2 to 8: flat bias, reciprocal cardinality, existence weight 0.2
        for recall and 0 for precision, as in TSB-AD
    """

    ideals: ClassVar = {"range_precision": 1.0, "range_recall": 1.0, "range_f1": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        events, windows = case.events, case.windows
        found = (overlaps(windows, events) > 0).astype(float)
        recall = _mean(_EXISTENCE * found + (1 - _EXISTENCE) * _covered(windows, events))
        precision = _mean(_covered(events, windows))
        return dict(zip(cls.ideals, (precision, recall, harmonic(precision, recall)), strict=True))


def harmonic(precision: float, recall: float) -> float:
    """F1, the harmonic mean; 0 if either is 0, NaN if either is NaN."""
    return 2 * precision * recall / (precision + recall) if precision + recall != 0 else 0.0


def _covered(spans: Ints, others: Ints) -> Floats:
    """Share of each span that others cover, divided by the number of pieces: [n, 2], [m, 2] -> [n]"""
    rows = max((int(one[:, 1].max()) for one in (spans, others) if len(one)), default=-1) + 1
    within_T = np.zeros(rows + 1)
    np.add.at(within_T, others[:, 0], 1)
    np.add.at(within_T, others[:, 1] + 1, -1)
    sums = np.r_[0, np.cumsum(np.cumsum(within_T))]
    share = (sums[spans[:, 1] + 1] - sums[spans[:, 0]]) / (spans[:, 1] - spans[:, 0] + 1)
    return np.asarray(share / np.maximum(overlaps(spans, others), 1))


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
