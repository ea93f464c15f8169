"""Thresholds at evenly spaced ranks of a score, and how many rows reach each of them."""

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["LEVELS", "first_levels", "summed"]

LEVELS = 250
"""Number of thresholds, as in the reference program of VUS."""


def first_levels(rank_T: Floats) -> Ints:
    """Index of the highest threshold that each row reaches: [time] -> [time]"""
    levels = np.sort(rank_T)[::-1][np.linspace(0, len(rank_T) - 1, LEVELS).astype(int)]
    return np.searchsorted(-levels, -rank_T, side="left")


def summed(level_N: Ints, weight_N: Floats | None = None) -> Floats:
    """Number, or total weight, of the rows that reach each threshold: [rows] -> [LEVELS]"""
    return np.cumsum(np.bincount(level_N, weight_N, minlength=LEVELS)).astype(float)
