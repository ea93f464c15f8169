"""A calibration: turns the views of new rows into p-values, by the normal rows of the same series."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecaster.detectors.base import Kinds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats
from forecaster.thresholds._abreast import HIGHEST_OWN
from forecaster.thresholds._moments import Moments, p_values
from forecaster.thresholds.base import Threshold

__all__ = ["FEWEST_ROWS", "Judge", "Sorts", "believed", "blended", "joined", "measured", "served"]

FEWEST_ROWS = 30
"""With fewer rows than this, a calibration also uses rows that trained the detector."""
_GROWTH = 0.02
"""A calibration is renewed once this share of its rows would be new."""
_CLUSTER_LEVEL = 0.95
_COMMON_LEVELS = (0.05, 0.1, HIGHEST_OWN)
_BELIEF = 0.1
"""How much weak hints are believed."""


class Sorts(NamedTuple):
    """Which views are of which kind."""

    graded: int
    """Number of first views by which rows are graded; all if there are only hints and chances."""
    faint: slice
    """Views whose p-values are multiplied by ten; none if there are no better views."""
    thresholds: int
    """Number of first views that have thresholds; the others are chances."""

    @classmethod
    def of(cls, kinds: Kinds, width: int) -> "Sorts":
        """The kinds of `width` views."""
        plain, chances = width - sum(kinds), width - kinds.chances
        return cls(plain or width, slice(plain, chances - kinds.hints if plain else plain), chances)


@dataclass(frozen=True)
class Judge:
    """A calibration: each view is judged by its own normal rows, and the least p-value of a row counts.

    The least of V p-values is small more often than one p-value. The correction is Sidak's for a number of
    `independent_views` estimated from the normal rows: 1 if all views agree, V if they are independent.
    Only thresholds open events. How strange a row is otherwise also depends on moments of all normal rows so far.
    """

    sorts: Sorts
    thresholds: Sequence[Threshold]
    serves: int
    """Number of rows that it judges before it is renewed."""
    independent_views: Floats
    """Estimated number among the graded views, and among all views."""
    level: float
    """P-value below which a row is an alarm."""
    moments: Moments

    @classmethod
    def fit(
        cls,
        normal_TV: Floats,
        moments: Moments,
        kinds: Kinds,
        rate: float,
        gap: int,
        thresholds: Sequence[Threshold],
    ) -> "Judge":
        """Fit the thresholds to normal rows; `moments` are of these and of all normal rows before them."""
        sorts = Sorts.of(kinds, normal_TV.shape[1])
        p_VT = _each(normal_TV.T, [one.fit for one in thresholds], sorts)
        (several,), (level,) = measured(p_VT[:, None], sorts, rate, gap, any(one.of_events for one in thresholds))
        return cls(sorts, thresholds, int(served(np.array(len(normal_TV)))), several, float(level), moments)

    def usual(self, views_TV: Floats) -> tuple[Floats, Floats, Floats]:
        """Probability of a row at least as strange, by the graded views, by all and by each: [time], [time], [V, time]"""
        return self._joined(views_TV, [one.p_values for one in self.thresholds])

    def follow(self, views_TV: Floats, calibrates_T: Bools | None = None) -> tuple[Floats, Floats, Floats]:
        """The same for consecutive rows, which update the thresholds if they calibrate."""
        if calibrates_T is None or calibrates_T.all():
            return self._joined(views_TV, [one.follow for one in self.thresholds])
        runs = np.split(np.arange(len(views_TV)), np.flatnonzero(np.diff(calibrates_T)) + 1)
        found = [self.follow(views_TV[k]) if calibrates_T[k[0]] else self.usual(views_TV[k]) for k in runs]
        graded, joint, each = (np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))
        return graded, joint, each

    def _joined(self, views_TV: Floats, judged: Sequence[Callable[[Floats], Floats]]) -> tuple[Floats, Floats, Floats]:
        p_VT = _each(views_TV.T, judged, self.sorts)
        graded, joint = joined(p_VT, self.sorts, self.independent_views)
        centre_V, spread_V = self.moments.centre, self.moments.spread
        return blended(graded, views_TV.T, self.sorts, centre_V[:, None], spread_V[:, None]), joint, p_VT


def served(rows: Ints) -> Ints:
    """Number of rows that a calibration on so many rows judges."""
    return np.maximum(FEWEST_ROWS, (_GROWTH * rows).astype(np.int64))


def believed(p_V: Floats, views_V: Floats, sorts: Sorts) -> Floats:
    """P-values of all views, given those of the views with thresholds. Shapes: [V', ...], [V, ...] -> [V, ...]"""
    p_V = np.concatenate([p_V, 10.0 ** -views_V[sorts.thresholds :]])
    p_V[sorts.faint] = np.minimum(p_V[sorts.faint] / _BELIEF, 1.0)
    return p_V


def joined(p_VT: Floats, sorts: Sorts, several_T2: Floats) -> tuple[Floats, Floats]:
    """P-values by the graded views and by all; `several_T2` independent views each, for all rows or for each row."""
    graded, joint = several_T2.T
    return _sidak(_least(p_VT[: sorts.graded]), graded), _sidak(_least(p_VT), joint)


def blended(p_T: Floats, views_VT: Floats, sorts: Sorts, centre: Floats, spread: Floats) -> Floats:
    """The geometric mean of p-values by ranks and by moments, for the graded views; chances have no moments.

    Shapes: [time], [V, time]; centre, spread [V, 1], or [V, time] if each row has its own
    """
    views = slice(min(sorts.graded, sorts.thresholds))
    if not views.stop:
        return p_T
    return np.sqrt(p_T) * np.sqrt(_least(p_values(views_VT[views], centre[views], spread[views])))


def measured(p_VKT: Floats, sorts: Sorts, rate: float, gap: int, of_events: bool) -> tuple[Floats, Floats]:
    """From p-values of normal rows: the number of independent views, among graded ones and all; the level of alarms.

    Shapes: [V, K, time] for K series, padded with NaN -> [K, 2], [K]
    """
    p_VKT = np.where(p_VKT > HIGHEST_OWN, 1.0, p_VKT)
    counted = (sorts.graded, sorts.thresholds or 1)
    several = {views: _independent_views(_least(p_VKT[:views]), views) for views in counted}
    several_K2 = np.column_stack([several[views] for views in counted])
    least_KT = _least(p_VKT)
    # Alarms come in runs, each of which is one event, so the level per row may be higher by that factor.
    runs_K = np.ones(len(least_KT)) if of_events else _runs_shares(-least_KT, gap)
    return several_K2, np.minimum(0.5, rate / runs_K)


def _each(views_VT: Floats, judged: Sequence[Callable[[Floats], Floats]], sorts: Sorts) -> Floats:
    """P-values of all views of one series."""
    found = [judge(view_T) for judge, view_T in zip(judged, views_VT, strict=False)]
    return believed(np.array(found).reshape(len(found), views_VT.shape[1]), views_VT, sorts)


def _least(p_V: Floats) -> Floats:
    """The least over all views, NaN where all are NaN. Shapes: [V, ...] -> [...]"""
    return np.asarray(np.fmin.reduce(p_V, axis=0))


def _sidak(least_T: Floats, several: Floats) -> Floats:
    """Probability that the least of several independent p-values is this small."""
    return np.asarray(-np.expm1(several * np.log1p(-np.minimum(least_T, 1 - 1e-12))))


def _independent_views(least_KT: Floats, views: int) -> Floats:
    """The number of independent views that explains how small the least p-values of normal rows are: [K]"""
    known_K = (~np.isnan(least_KT)).sum(axis=1)
    if views == 1:
        return np.ones(len(least_KT))
    share_QK = np.array([(least_KT <= q).sum(axis=1) for q in _COMMON_LEVELS]) / np.maximum(known_K, 1)
    found_QK = np.log1p(-np.minimum(share_QK, 0.99)) / np.log1p(-np.array(_COMMON_LEVELS))[:, None]
    return np.where(known_K < FEWEST_ROWS, views, np.clip(found_QK.mean(axis=0), 1.0, views))


def _runs_shares(strange_KT: Floats, gap: int) -> Floats:
    """Runs of high rows per high row (runs estimator of the extremal index): 1 if high rows come alone; [K]"""
    known_KT = ~np.isnan(strange_KT)
    known_K = known_KT.sum(axis=1)
    if known_K.max() < 2 * FEWEST_ROWS:
        return np.ones(len(strange_KT))
    high_KT = strange_KT >= _quantiles(strange_KT, known_K, _CLUSTER_LEVEL)[:, None]
    series, place = np.nonzero(high_KT)
    if not known_KT.all():  # missing rows do not count as a gap
        place = known_KT.cumsum(axis=1)[series, place]
    breaks = (np.diff(place) > gap) & (series[1:] == series[:-1])
    runs_K = 1 + np.bincount(series[1:][breaks], minlength=len(known_K))
    share_K = np.maximum(0.1, runs_K / np.maximum(high_KT.sum(axis=1), 1))
    return np.where(known_K < 2 * FEWEST_ROWS, 1.0, share_K)


def _quantiles(values_KT: Floats, known_K: Ints, share: float) -> Floats:
    """Quantiles, interpolated between the two nearest values, without NaN: [K]"""
    last_K = np.maximum(known_K - 1, 0)
    place_K = share * last_K
    below_K, every = place_K.astype(np.int64), np.arange(len(known_K))
    ranked_KT = np.sort(values_KT, axis=1)
    low_K, high_K = ranked_KT[every, below_K], ranked_KT[every, np.minimum(below_K + 1, last_K)]
    return np.asarray(low_K + (high_K - low_K) * (place_K - below_K))
