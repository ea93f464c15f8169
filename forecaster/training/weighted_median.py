"""What several members of an ensemble say together."""

from collections.abc import Sequence

import numpy as np

from forecaster.series.grid import Floats

__all__ = ["weighted_median"]


def weighted_median(values: Sequence[Floats], weights: Sequence[float] = ()) -> Floats:
    """Median over members that count by their weights: the common median where these are equal, the weighted mean of two.

    In order, a member stands at the middle of its share of the weights, and between two of them values lie on a straight
    line; so a member of little weight moves the others by little, however far it is off. Quantiles stay in order if every
    member's are.

    Shapes: values [...] of each member, positive weights; none of them stand for equal ones
    """
    if len(values) == 1:
        return values[0]
    if not weights or len(set(weights)) == 1:
        return np.asarray(np.median(values, axis=0))
    if len(values) == 2:
        return np.asarray(np.average(values, axis=0, weights=weights))
    stacked, shares = np.stack(values), np.asarray(weights) / np.sum(weights)
    order = np.argsort(stacked, axis=0)
    sorted_, share = np.take_along_axis(stacked, order, 0), shares[order]
    middle = np.cumsum(share, axis=0) - share / 2
    right = np.clip((middle < 0.5).sum(0), 1, len(values) - 1)[None]
    (low, high), (before, after) = (
        [np.take_along_axis(table, right - side, 0)[0] for side in (1, 0)] for table in (sorted_, middle)
    )
    return np.asarray(low + np.clip((0.5 - before) / (after - before), 0, 1) * (high - low))
