"""What the members of an ensemble say together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster.columns import HIGH, LOW, MEDIAN
from forecaster.series.grid import Floats

__all__ = ["EVEN", "Blend", "weighted_median"]

_NARROWEST = 0.5


@dataclass(frozen=True)
class Blend:
    """How members count, and how wide their common intervals are."""

    weights: tuple[float, ...] = ()
    """Of each member; none: each counts as much as any."""
    width: float = 1.0
    """Distances of quantiles from the median, in those of the members: together they err less than each."""

    def of(self, quantiles: Sequence[Floats]) -> Floats:
        """Common quantiles, in order if every member's are. Shapes: [..., Q] of each member -> [..., Q]"""
        together = weighted_median(quantiles, self.weights)
        if self.width == 1:
            return together
        middle = together[..., MEDIAN, None]
        return np.asarray(middle + (together - middle) * self.width)

    def fitted(self, quantiles: Sequence[Floats], targets: Floats) -> "Blend":
        """With 80 % intervals that cover as many of some targets as the members' do, and are no wider than theirs.

        Shapes:  [n, H, Q] of each member, targets [n, H]
        Missing: NaN targets count for nothing
        """
        wanted = np.average([np.mean(_reach(one, targets) <= 1) for one in quantiles], weights=self.weights or None)
        width = float(np.quantile(_reach(self.of(quantiles), targets), wanted, method="higher"))
        return replace(self, width=float(np.clip(width, _NARROWEST, 1)))


EVEN = Blend()
"""The median of members that count alike."""


def _reach(quantiles: Floats, targets: Floats) -> Floats:
    """How far known targets lie from the median, in its distance from the 80 % interval's end on their side. Shapes: -> [m]"""
    off = targets - quantiles[..., MEDIAN]
    end = np.where(off > 0, quantiles[..., HIGH], quantiles[..., LOW]) - quantiles[..., MEDIAN]
    known = ~np.isnan(off)
    off, end = np.abs(off[known]), np.abs(end[known])
    return np.divide(off, end, where=end > 0, out=np.where(off > 0, np.inf, 0.0))


def weighted_median(values: Sequence[Floats], weights: Sequence[float] = ()) -> Floats:
    """Median over members that count by their weights: the common median where these are equal, the weighted mean of two.

    In order, a member stands at the middle of its share of the weights, and between two of them values lie on a straight
    line; so a member of little weight moves the others by little, however far it is off.

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
