"""Thin a frame to the rows that a screen can show: the smallest and the largest value in each column of pixels."""

import numpy as np
import pandas as pd

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["thinned"]

_PIXELS = 1_500
"""Columns of a wide figure."""


def thinned(frame: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The rows of a frame, by `ds`, that are enough to draw the same lines of some columns; all rows if they are few.

    Missing: a row without a value breaks a line; it is kept if the break is wide enough to be seen
    """
    if len(frame) <= 2 * len(names) * _PIXELS:
        return frame
    time_N = np.asarray(frame["ds"].astype("int64"), np.int64)
    span = max(1, int(time_N[-1] - time_N[0]))
    pixel_N = np.minimum((time_N - time_N[0]) / span * _PIXELS, _PIXELS - 1).astype(np.int64)
    kept = [np.array([0, len(frame) - 1])]
    for name in names:
        value_N = frame[name].to_numpy(np.float64)
        kept += [_ends(value_N, pixel_N), _breaks(value_N, time_N, span / _PIXELS)]
    return frame.iloc[np.unique(np.concatenate(kept))]


def _ends(value_N: Floats, pixel_N: Ints) -> Ints:
    """Rows of the smallest and the largest value in each column of pixels."""
    known = np.flatnonzero(~np.isnan(value_N))
    known = known[np.lexsort((value_N[known], pixel_N[known]))]
    changes = np.flatnonzero(np.diff(pixel_N[known]))
    return known[np.concatenate([[0], changes, changes + 1, [-1]])] if len(known) else known


def _breaks(value_N: Floats, time_N: Ints, pixel: float) -> Ints:
    """Rows without a value between two values that are more than a pixel apart."""
    known = np.flatnonzero(~np.isnan(value_N))
    wide = np.flatnonzero((np.diff(time_N[known]) > pixel) & (np.diff(known) > 1))
    return known[wide] + 1
