"""Runs of marked rows: labelled windows, events, zones."""

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools

__all__ = ["overlaps", "runs"]


def runs(marked_T: Bools) -> Ints:
    """First and last row of every run of marked rows: [time] -> [runs, 2]"""
    edges = np.diff(np.r_[False, marked_T, False].astype(np.int8))
    return np.column_stack([np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1])


def overlaps(spans: Ints, others: Ints) -> Ints:
    """How many of the others (disjoint, sorted) share a row with each span. Shapes: [n, 2], [m, 2] -> [n]"""
    begun = np.searchsorted(others[:, 0], spans[:, 1], side="right")
    over = np.searchsorted(others[:, 1], spans[:, 0], side="left")
    return np.asarray(begun - over, np.int64)
