"""Volume under the precision-recall and the ROC surface (VUS-PR, VUS-ROC)."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics._levels import LEVELS, first_levels, summed
from forecaster.anomaly_metrics._runs import runs
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Vus"]

_NONE = 10**12
"""Distance to a window that does not exist."""


class Vus(AnomalyMetric):
    """Area under the range-based curves, averaged over all buffers of 0 to `Case.buffer` rows around the windows.

    A row in the buffer counts partly, less if it is farther from its window; a window without any alarm in it or its
    buffer lowers the recall. Needs no threshold. The larger the buffer, the larger the number: compare only with equal
    buffers.

    Missing: NaN for a series without labelled rows (VUS-ROC also for one with labelled rows only)
    Fails:   if read as a share: even a random score is above the share of labelled rows
    Source:  Paparrizos et al. (2022), VLDB 15(11); Liu and Paparrizos (2024), TSB-AD, `RangeAUC_volume_opt`, whose 250
        thresholds and numbers these are (one sort and cumulative sums instead of a loop over thresholds)
    """

    ideals: ClassVar = {"vus_pr": 1.0, "vus_roc": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        if not case.label.any():
            return dict.fromkeys(cls.ideals, float("nan"))
        tpr_WJ, fpr_WJ, precision_WJ = _surfaces(case.label, case.rank, case.buffer)
        return {"vus_pr": _precision_recall(tpr_WJ, precision_WJ), "vus_roc": _roc(tpr_WJ, fpr_WJ)}


def _surfaces(label_T: Bools, rank_T: Floats, buffer: int) -> tuple[Floats, Floats, Floats]:
    """True-positive rate, false-positive rate and precision by buffer and threshold: [W, J] each"""
    rows = len(label_T)
    level_T = first_levels(rank_T)
    windows = runs(label_T)
    alarms_J = summed(level_T)
    hits_WJ = summed(level_T[label_T]) + _buffer_hits(label_T, level_T, windows, buffer)
    soft_WJ = hits_WJ - hits_WJ[0]
    labelled_WJ = label_T.sum() + soft_WJ / 2
    recall_WJ = np.minimum(hits_WJ / labelled_WJ, 1) * _existence(level_T, windows, buffer)
    others_WJ = rows - labelled_WJ
    fpr_WJ = (alarms_J - hits_WJ) / np.where(others_WJ > 0, others_WJ, np.nan)
    return recall_WJ, fpr_WJ, hits_WJ / alarms_J


def _precision_recall(tpr_WJ: Floats, precision_WJ: Floats) -> float:
    return float((np.diff(tpr_WJ, prepend=0.0) * precision_WJ).sum(axis=1).mean())


def _roc(tpr_WJ: Floats, fpr_WJ: Floats) -> float:
    corner = np.ones((len(tpr_WJ), 1))
    tpr, fpr = (np.hstack([0 * corner, one, corner]) for one in (tpr_WJ, fpr_WJ))
    return float(np.trapezoid(tpr, fpr, axis=1).mean())


def _buffer_hits(label_T: Bools, level_T: Ints, windows: Ints, buffer: int) -> Floats:
    """Total weight of buffer rows that reach each threshold: sqrt(1 - distance / buffer), summed to 1 at most.

    Shapes: [time], [time], [windows, 2] -> [W, J]
    """
    outside = np.flatnonzero(~label_T)
    nearest, second = _distances(outside, windows)
    near = nearest <= buffer // 2
    level_N, nearest, second = level_T[outside][near], nearest[near], second[near]
    hits = np.zeros((buffer + 1, LEVELS))
    for width in range(2, buffer + 1):
        reach = nearest <= width // 2
        # Between two windows near each other, weights of at least sqrt(1/2) each add up to more than 1: clipped at 1.
        counts = np.where(second[reach] <= width // 2, 1.0, np.sqrt(1 - nearest[reach] / width))
        hits[width] = summed(level_N[reach], counts)
    return hits


def _distances(rows: Ints, windows: Ints) -> tuple[Ints, Ints]:
    """Distances from rows outside to the two nearest windows: [rows], [windows, 2] -> [rows], [rows]"""
    before = np.searchsorted(windows[:, 0], rows)
    lasts = np.r_[-_NONE, -_NONE, windows[:, 1]]
    firsts = np.r_[windows[:, 0], _NONE, _NONE]
    to = [rows - lasts[before + 1], rows - lasts[before], firsts[before] - rows, firsts[before + 1] - rows]
    ordered = np.sort(np.stack(to), axis=0)
    return ordered[0], ordered[1]


def _existence(level_T: Ints, windows: Ints, buffer: int) -> Floats:
    """Share of zones (windows with their buffers, merged if they touch) that hold an alarm: -> [W, J]"""
    shares = np.empty((buffer + 1, LEVELS))
    for reach in range(buffer // 2 + 1):
        apart = windows[:-1, 1] + reach < windows[1:, 0] - reach
        starts = np.maximum(windows[np.r_[True, apart], 0] - reach, 0)
        ends = np.minimum(windows[np.r_[apart, True], 1] + reach + 1, len(level_T))
        cuts = np.column_stack([starts, ends]).ravel()
        first = np.minimum.reduceat(level_T, cuts[cuts < len(level_T)])[::2]
        shares[2 * reach : 2 * reach + 2] = summed(first) / len(starts)
    return shares
