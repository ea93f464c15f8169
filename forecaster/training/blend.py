"""How the forecasts of an ensemble's members are combined."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster.columns import HIGH, LOW, MEDIAN
from forecaster.series.grid import Floats

__all__ = ["EVEN", "Blend", "weighted_median"]

_NARROWEST = 0.5


@dataclass(frozen=True)
class Blend:
    """The models' weights, and how wide their combined intervals are."""

    weights: tuple[float, ...] = ()
    """One for each model; empty: all models count alike."""
    width: float = 1.0
    """Factor (at most 1) on combined quantiles' distances from the median: an ensemble errs less than its members."""
    seeds: tuple[int, ...] = ()
    """How many successive members are one model, trained with different seeds; empty: each is a model of its own. The
    median of a model's seeds counts as one forecast, so that more seeds do not outvote the other models."""

    def of(self, quantiles: Sequence[Floats]) -> Floats:
        """Combined quantiles, in order. Shapes: [..., Q] of each member -> [..., Q]"""
        together = weighted_median(self._of_models(quantiles), self.weights)
        # Where members of unequal weight change places from one level to the next, their weighted median may fall.
        if (together[..., 1:] < together[..., :-1]).any():
            together = np.sort(together, axis=-1)
        if self.width == 1:
            return together
        middle = together[..., MEDIAN, None]
        return np.asarray(middle + (together - middle) * self.width)

    def fitted(self, quantiles: Sequence[Floats], targets: Floats) -> "Blend":
        """This blend with 80 % intervals that cover as many targets as the members' intervals do, and are no wider.

        Shapes:  [n, H, Q] of each member, targets [n, H]
        Missing: NaN targets are left out
        """
        covered = [np.mean(_reach(one, targets) <= 1) for one in quantiles]
        wanted = np.average(covered, weights=self._of_members(len(covered)))
        width = float(np.quantile(_reach(self.of(quantiles), targets), wanted, method="higher"))
        return replace(self, width=float(np.clip(width, _NARROWEST, 1)))

    def _of_models(self, quantiles: Sequence[Floats]) -> Sequence[Floats]:
        """One forecast for each model."""
        ends = np.cumsum(self.seeds).tolist()
        return [weighted_median(quantiles[end - n : end]) for n, end in zip(self.seeds, ends, strict=True)] or quantiles

    def _of_members(self, members: int) -> Floats:
        """The weight of each member: an even part of its model's."""
        seeds = np.asarray(self.seeds or (1,) * members)
        return np.repeat(np.asarray(self.weights or (1.0,) * len(seeds)) / seeds, seeds)


EVEN = Blend()
"""The median of the members, all of equal weight, each a model of its own."""


def _reach(quantiles: Floats, targets: Floats) -> Floats:
    """Distances of known targets from the median, in units of the half 80 % interval on their side. Shapes: -> [m]"""
    off = targets - quantiles[..., MEDIAN]
    end = np.where(off > 0, quantiles[..., HIGH], quantiles[..., LOW]) - quantiles[..., MEDIAN]
    known = ~np.isnan(off)
    off, end = np.abs(off[known]), np.abs(end[known])
    return np.divide(off, end, where=end > 0, out=np.where(off > 0, np.inf, 0.0))


def weighted_median(values: Sequence[Floats], weights: Sequence[float] = ()) -> Floats:
    """Weighted median over members: the ordinary median if weights are equal; of two members the weighted mean.

    Members are sorted by value, each is placed at the middle of its share of the total weight, and values are
    interpolated linearly in between; so a member of little weight moves the result little, however far off it is.

    Shapes: values [...] of each member, positive weights; no weights mean equal ones
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
