"""A calibration: what rows of one series, seen in several views, say of the rows after them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.detectors.base import Kinds
from forecaster.series.grid import Floats
from forecaster.thresholds._moments import Moments, p_values
from forecaster.thresholds.base import Threshold

__all__ = ["FEWEST_ROWS", "Judge", "follow_abreast", "no_news"]

FEWEST_ROWS = 30
"""Rows without which a calibration also uses rows that taught the detector."""
_GROWTH = 0.02
"""A calibration serves until this share of its rows is new."""
_CLUSTER_LEVEL = 0.95
_COMMON_LEVELS = (0.05, 0.1, 0.2)
_BELIEF = 0.1
"""How much of what faint hints say is believed."""
_KNEE = 0.8
"""Part of the alarm level, as a score, up to which a row that opens no event is scored as it is."""

Bools = npt.NDArray[np.bool_]


class Judge:
    """A calibration: each view by its own normal rows, and the least likely view of a row speaks for it.

    Taking the least of V p-values makes small ones commoner; by how much, the normal rows tell: as if there were
    `several` independent views (Sidak), 1 where the views say the same, V where they have nothing in common.
    Events open by thresholds alone. How strange a row is beside that, moments of all normal rows so far tell as well.
    """

    def __init__(
        self,
        normal_TV: Floats,
        moments: Moments,
        kinds: Kinds,
        rate: float,
        gap: int,
        thresholds: Sequence[Threshold],
    ) -> None:
        self.serves = max(FEWEST_ROWS, int(_GROWTH * len(normal_TV)))
        """Rows that it judges."""
        self.thresholds = thresholds
        width = normal_TV.shape[1]
        self.graded = (width - sum(kinds)) or width
        """First views, by which rows are graded; all where there are hints and chances only."""
        by_moments = min(self.graded, len(thresholds))  # chances have none
        self.usual_score, self.spread = moments.centre[:by_moments], moments.spread[:by_moments]
        self.faint = slice(width - sum(kinds), width - kinds.hints - kinds.chances)
        """Views whose p-values count for ten times as much."""
        p_TV = _each(normal_TV, [one.fit for one in thresholds], self.faint)
        self.several = [_independent_views(_least(p_TV[:, :k]), k) for k in (self.graded, len(thresholds) or 1)]
        # Alarms come in runs that make one event each: the level per row may be that much higher.
        runs = 1.0 if any(one.of_events for one in thresholds) else _runs_share(-_least(p_TV), gap)
        self.level = min(0.5, rate / runs)

    def usual(self, views_TV: Floats) -> tuple[Floats, Floats]:
        """Probability of a row at least as strange, by the views that grade rows and by all: [time] each"""
        return self._each_joined(views_TV, [one.p_values for one in self.thresholds])

    def follow(self, views_TV: Floats, calibrates_T: Bools | None = None) -> tuple[Floats, Floats]:
        """The same of rows that come one after the other, which may teach the thresholds something if they calibrate."""
        if calibrates_T is None or calibrates_T.all():
            return self._each_joined(views_TV, [one.follow for one in self.thresholds])
        runs = np.split(np.arange(len(views_TV)), np.flatnonzero(np.diff(calibrates_T)) + 1)
        found = [self.follow(views_TV[k]) if calibrates_T[k[0]] else self.usual(views_TV[k]) for k in runs]
        graded, joint = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return graded, joint

    def _each_joined(self, views_TV: Floats, judged: Sequence[Callable[[Floats], Floats]]) -> tuple[Floats, Floats]:
        graded, joint = _joined(_each(views_TV, judged, self.faint), self.graded, *self.several)
        return _blended(graded, views_TV, self.usual_score, self.spread), joint


def follow_abreast(judges: Sequence[Judge], views_nV: Floats) -> tuple[Floats, Floats]:
    """What `follow` of several judges says, of one row each: [n] each"""
    columns = zip(*(judge.thresholds for judge in judges), strict=True)
    judged = [partial(type(each[0]).abreast, each) for each in columns]
    several = np.array([judge.several for judge in judges]).T
    graded, joint = _joined(_each(views_nV, judged, judges[0].faint), judges[0].graded, *several)
    usual, spread = (np.stack(part) for part in zip(*((one.usual_score, one.spread) for one in judges), strict=True))
    return _blended(graded, views_nV, usual, spread), joint


def _each(views_TV: Floats, judged: Sequence[Callable[[Floats], Floats]], faint: slice) -> Floats:
    """P-values of each view; those beyond the thresholds are chances."""
    p_TV = np.empty_like(views_TV)
    for k, judge in enumerate(judged):
        p_TV[:, k] = judge(views_TV[:, k])
    p_TV[:, faint] = np.minimum(p_TV[:, faint] / _BELIEF, 1.0)
    p_TV[:, len(judged) :] = 10.0 ** -views_TV[:, len(judged) :]
    return p_TV


def _joined(p_TV: Floats, graded: int, *several: Any) -> tuple[Floats, Floats]:
    """By the views that grade rows and by all, each as so many independent ones: a number, or one for each row"""
    return _sidak(_least(p_TV[:, :graded]), several[0]), _sidak(_least(p_TV), several[1])


def _blended(p_T: Floats, views_TV: Floats, usual: Floats, spread: Floats) -> Floats:
    """The geometric mean of p-values by ranks and by moments of the first views. Shapes: [time], [time, V], [K] or [time, K]"""
    count = usual.shape[-1]
    return np.sqrt(p_T) * np.sqrt(_least(p_values(views_TV[:, :count], usual, spread))) if count else p_T


def _least(p_TV: Floats) -> Floats:
    """The least of each row, NaN where all are."""
    return np.asarray(np.fmin.reduce(p_TV, axis=1))


def _sidak(least_T: Floats, several: Any) -> Floats:
    """Probability that the least of several independent ones is so small."""
    return np.asarray(-np.expm1(several * np.log1p(-np.minimum(least_T, 1 - 1e-12))))


def no_news(p_T: Floats, rate: float) -> Floats:
    """P-values held above the rate of events, in the same order: a row that tells nothing new is no event."""
    score_T, most = -np.log10(p_T), -np.log10(rate)
    room = (1 - _KNEE) * most
    above_T = np.maximum(score_T - _KNEE * most, 0.0)
    return np.asarray(10.0 ** -np.where(above_T > 0, most - room**2 / (room + above_T), score_T))


def _independent_views(least_T: Floats, views: int) -> float:
    """How many independent views would make the least p-values as small as they are on normal rows."""
    known = least_T[~np.isnan(least_T)]
    if views == 1 or len(known) < FEWEST_ROWS:
        return float(views)
    found = [np.log1p(-min((known <= q).mean(), 0.99)) / np.log1p(-q) for q in _COMMON_LEVELS]
    return float(np.clip(np.mean(found), 1.0, views))


def _runs_share(strange_T: Floats, gap: int) -> float:
    """Runs of high rows per high row (the extremal index, by runs): 1 where they come alone."""
    known = strange_T[~np.isnan(strange_T)]
    if len(known) < 2 * FEWEST_ROWS:
        return 1.0
    high = np.flatnonzero(known >= np.quantile(known, _CLUSTER_LEVEL))
    runs = 1 + int((np.diff(high) > gap).sum())
    return max(0.1, runs / len(high))
