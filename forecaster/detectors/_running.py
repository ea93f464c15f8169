"""Running numbers over rows, such as faded means and last known values, continued from the state of each series."""

import numpy as np
from scipy.signal import lfilter

from forecaster.detectors._blocks import Held
from forecaster.series.grid import Bools, Floats

__all__ = ["faded_mean", "filled", "last_known", "moving_mean", "rows_since", "summed_on"]


def faded_mean(held: Held, name: str, values_nT: Floats, keep: float) -> Floats:
    """Exponentially weighted mean of the known values, continued from `held`; NaN before the first value.

    Shapes: [n, T] -> [n, T]; held[name] [n, 2]: the weighted sum and the sum of the weights
    """
    seen = ~np.isnan(values_nT)
    sums = [np.where(seen, values_nT, 0.0), seen.astype(float)]
    found = [summed_on(held[name][:, k], part, keep) for k, part in enumerate(sums)]
    held[name] = np.stack([part[:, -1] for part in found], axis=1)
    with np.errstate(invalid="ignore"):
        return np.where(found[1] > 0, found[0] / np.where(found[1] > 0, found[1], 1.0), np.nan)


def summed_on(before_n: Floats, values_nT: Floats, keep: float) -> Floats:
    """Running sums that decay by `keep` with each row, starting from `before`. Shapes: [n], [n, T] -> [n, T]"""
    faded_n1 = keep * before_n[:, None]
    if values_nT.shape[1] == 1:  # a filter is slow for a single step of many series
        return np.asarray(values_nT + faded_n1)
    return np.asarray(lfilter([1.0], [1.0, -keep], values_nT, axis=1, zi=faded_n1)[0])


def last_known(held: Held, z: Floats) -> tuple[Floats, Floats]:
    """The last known value at each row, and the rows since it, which are `held["ago"]` and more if there is none yet.

    Shapes: [n, T] -> [n, T] each; held["known"], held["ago"] [n]: both after the last row
    """
    known = ~np.isnan(z)
    row = np.maximum.accumulate(np.where(known, np.arange(1, z.shape[1] + 1), 0), axis=1)  # 0 is before the first row
    seen, ago = np.take_along_axis(np.column_stack([held["known"], z]), row, axis=1), rows_since(held, "ago", known)
    if z.shape[1]:
        held["known"] = seen[:, -1].copy()
    return seen, ago


def rows_since(held: Held, name: str, happens: Bools) -> Floats:
    """Rows since something happened, 0 where it does; continued from `held[name]` [n]. Shapes: [n, T] -> [n, T]"""
    rows = np.arange(1, happens.shape[1] + 1)
    last = np.maximum.accumulate(np.where(happens, rows, 0), axis=1)
    since = np.where(last > 0, rows - last, held[name][:, None] + rows)
    if happens.shape[1]:
        held[name] = since[:, -1].copy()
    return since


def filled(z: Floats) -> Floats:
    """Each missing value replaced by the last known one; those before the first stay missing. Shapes: [n, T]"""
    at = np.maximum.accumulate(np.where(np.isnan(z), 0, np.arange(z.shape[1])), axis=1)
    return np.take_along_axis(z, at, axis=1)


def moving_mean(held: Held, name: str, values_nT: Floats) -> Floats:
    """Mean of the known values among the last `rows`, of which `held[name]` [n, rows - 1] keeps the older; else NaN."""
    rows = held[name].shape[1] + 1
    long = np.concatenate([held[name], values_nT], axis=1)
    held[name] = long[:, long.shape[1] - rows + 1 :].copy()
    parts = np.lib.stride_tricks.sliding_window_view(long, rows, axis=1)
    seen = ~np.isnan(parts)
    count = seen.sum(-1)
    total = np.where(seen, parts, 0.0).sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
