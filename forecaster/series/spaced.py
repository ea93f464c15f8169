"""A finer step for rows that are planned, but not evenly, such as those of Mondays, Wednesdays and Fridays."""

import numpy as np

from forecaster.series.frequency import Frequency, Ints

__all__ = ["has_neighbours", "unit"]

_FAR, _MANY = 0.25, 0.2
"""A step is wrong if more than this share of rows lies this part of a step, or more, beside its grid."""
_USUAL, _COVERED = 0.02, 0.9
"""A usual distance makes at least this share of all; together they make at least this share."""
_SHORTEST = 60_000_000
"""Below a minute, distances differ because a clock is late."""
_FINER = 10
"""Most grid rows per row."""
_BESIDE, _PART = 0.15, 6
"""Least share of rows that come one step after the one before, in the first and in the last half, if these have so many
rows. Without any a series never moves, as spreads are means of moves from one step to the next, and intervals have no
width."""


def unit(times: Ints, size: int, *, integer: bool) -> int | None:
    """The unit of which nearly all distances are multiples, if many rows lie far beside the grid of a step of `size`.

    Shapes: [rows], the sorted times of one series
    Units:  microseconds, or those of integer times
    """
    after = times - times[0]
    beside = np.abs((after + size // 2) % size - size // 2)
    if np.mean(beside >= _FAR * size) <= _MANY:
        return None
    found = _divisor(np.diff(times))
    if found in (0, size) or (not integer and found < _SHORTEST) or after[-1] > _FINER * len(times) * found:
        return None
    return found if np.mean(after % found == 0) >= _COVERED else None


def has_neighbours(times: Ints, one: Frequency) -> bool:
    """Whether a step leaves enough rows beside each other. Shapes: [rows], the sorted times of one series"""
    beside = np.diff(one.positions(times, np.full(len(times), times[0]))) == 1
    halves = np.array_split(beside, 2) if len(beside) >= 2 * _PART else [beside]
    return all(np.mean(half) >= _BESIDE for half in halves)


def _divisor(distances: Ints) -> int:
    """The greatest common divisor of the usual distances; 0 if most distances are unusual."""
    values, counts = np.unique(distances, return_counts=True)
    usual = counts >= _USUAL * len(distances)
    return int(np.gcd.reduce(values[usual])) if counts[usual].sum() >= _COVERED * len(distances) else 0
