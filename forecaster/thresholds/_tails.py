"""`conformal_tail` for many series, vectorised: ranks and tails in arrays, without a call per series."""

from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.thresholds._abreast import HIGHEST_OWN, ThresholdsAbreast
from forecaster.thresholds._pareto import Pareto, beyond
from forecaster.thresholds._ranks import FEWEST, HIGH, LEAST_INDEX, Ranks

if TYPE_CHECKING:
    from forecaster.thresholds.base import Threshold
    from forecaster.thresholds.conformal_tail import ConformalTail

__all__ = ["Tails"]


_FEW = 16
"""With fewer series, a loop over them is faster."""


class _Law(NamedTuple):
    """The fitted numbers, without the sorted scores. If there is no tail, its start is infinite.

    Shapes: [n] each, or [n, 1]
    """

    rows: Floats
    run: Floats
    usual: Floats
    tail_count: Floats
    start: Floats
    scale: Floats
    shape: Floats


_NOTHING = _Law(*np.array([[0.0], [1.0], [0.0], [0.0], [np.inf], [1.0], [0.0]]))


class Tails(ThresholdsAbreast):
    """`ConformalTail` for many series.

    Shapes: R: the most scores of any series so far, at least as many as are sorted for any
    """

    def __init__(self, config: "ConformalTail.Config", fewest: int) -> None:
        self._config, self._fewest = config, fewest
        self._held: dict[int, ConformalTail] = {}
        self._laws_7S = np.concatenate(_NOTHING)[:, None][:, :0]
        self._ranked_SR = np.zeros((0, 0))

    def put(self, place: int, threshold: "Threshold") -> None:
        self._held[place] = one = cast("ConformalTail", threshold)
        if hasattr(one, "ranks"):
            tail = (one.start, *one.tail) if one.tail_count else (np.inf, 1.0, 0.0)
            law = np.array([len(one.ranks), one.ranks.run, one.ranks.usual, one.tail_count, *tail])
            self._keep(np.array([place]), one.ranks.sorted[None], law[:, None])

    def settle(self, place: int) -> None:
        law = _Law(*self._laws_7S[:, place].tolist())
        threshold = self._held[place]
        threshold.ranks = Ranks.of(self._ranked_SR[place, : int(law.rows)].copy(), float(law.usual), float(law.run))
        threshold.tail_count = int(law.tail_count)
        if threshold.tail_count:
            threshold.start, threshold.tail = float(law.start), Pareto(float(law.scale), float(law.shape))

    def fit(self, places: Ints, scores_KM: Floats, lengths_K: Ints) -> Floats:
        known_KM = np.where(np.isfinite(scores_KM), scores_KM, np.nan)
        known_KM[np.arange(known_KM.shape[1]) >= lengths_K[:, None]] = np.nan
        ranked_KM, count_K = np.sort(known_KM, axis=1), (~np.isnan(known_KM)).sum(axis=1)
        usual_K, run_K = _medians(ranked_KM, count_K), _runs(known_KM, ranked_KM, count_K)
        laws_7K = np.stack([count_K, run_K, usual_K, *self._tails(ranked_KM, count_K)])
        self._keep(places, ranked_KM, laws_7K)
        p_KM = np.where(scores_KM == np.inf, (run_K / (count_K + run_K))[:, None], known_KM)
        return _own_p_values(p_KM, known_KM, ranked_KM, _Law(*laws_7K))

    def follow(self, places: Ints, scores_n: Floats) -> Floats:
        law = _Law(*self._laws_7S[:, places])
        least_n = Ranks.less_tolerance_of(law.usual, scores_n)
        return _p_values(_below(self._ranked_SR, places, law.rows, least_n), scores_n, least_n, law)

    def _keep(self, places: Ints, ranked_KM: Floats, laws_7K: Floats) -> None:
        """Store the fit of some places; arrays grow to twice their size, so that they seldom grow."""
        series, most = (
            max(old, 2 * old if new > old else 0, new)
            for old, new in zip(self._ranked_SR.shape, (int(places.max()) + 1, ranked_KM.shape[1]), strict=True)
        )
        if (series, most) != self._ranked_SR.shape:
            # Memory pages of zeros take no space until they are written to, unlike those of other values.
            ranked_SR, laws_7S = np.zeros((series, most)), np.repeat(np.array(_NOTHING), series, axis=1)
            ranked_SR[: len(self._ranked_SR), : self._ranked_SR.shape[1]] = self._ranked_SR
            laws_7S[:, : self._laws_7S.shape[1]] = self._laws_7S
            self._ranked_SR, self._laws_7S = ranked_SR, laws_7S
        self._ranked_SR[places, : ranked_KM.shape[1]] = ranked_KM
        self._laws_7S[:, places] = laws_7K

    def _tails(self, ranked_KM: Floats, count_K: Ints) -> tuple[Floats, ...]:
        """Number of scores each tail is fitted on, 0 if there is no tail; starts, scales and shapes: [K] each"""
        config = self._config
        wanted_K = np.clip(count_K * config.tail_share, self._fewest, config.tail_most).astype(np.int64)
        has_K = count_K > 2 * wanted_K
        wanted_K = np.where(has_K, wanted_K, 2)
        back_J = np.arange(int(wanted_K.max()))
        start_K = _at(ranked_KM, count_K - wanted_K - 1)
        excess_KJ = _at(ranked_KM, count_K[:, None] - 1 - back_J) - start_K[:, None]
        excess_KJ[(back_J >= wanted_K[:, None]) | ~has_K[:, None]] = 0.0
        scale_K, shape_K = _by_moments(excess_KJ, wanted_K, config.shape_most, config.least)
        return tuple(
            np.where(has_K, found, none)
            for found, none in ((wanted_K, 0), (start_K, np.inf), (scale_K, 1.0), (shape_K, 0.0))
        )


def _p_values(below_n: Ints, scores_n: Floats, least_n: Floats, law: _Law) -> Floats:
    """P-values by rank, and beyond the start of a tail from the tail."""
    runs_n = law.run + law.rows
    p_n = (runs_n - below_n) / runs_n
    high = np.flatnonzero(least_n > law.start)
    if len(high):
        tail = _Law(*(part[high] for part in law))
        share = (tail.tail_count + tail.run) / runs_n[high]
        p_n[high] = share * beyond(scores_n[high] - tail.start, tail.scale, tail.shape)
    return np.where(np.isnan(scores_n), np.nan, np.clip(p_n, 1e-300, 1.0))


def _own_p_values(p_KM: Floats, known_KM: Floats, ranked_KM: Floats, law: _Law) -> Floats:
    """P-values of the fitted scores themselves, in their order; 1 for those certainly above `HIGHEST_OWN`.

    A p-value depends only on the scores from its rank upwards, so only a few of the highest must be searched.
    """
    count_K = law.rows.astype(np.int64)
    low_K = ((1 - HIGHEST_OWN) * count_K).astype(np.int64)
    at = np.flatnonzero(known_KM >= _at(ranked_KM, low_K)[:, None])
    series = at // known_KM.shape[1]
    scores_n, law_n = known_KM.reshape(-1)[at], _Law(*(part[series] for part in law))
    least_n, ends = (
        Ranks.less_tolerance_of(law_n.usual, scores_n),
        np.bincount(series, minlength=len(count_K)).cumsum().tolist(),
    )
    each = zip(ranked_KM, [0, *ends[:-1]], ends, strict=True)
    below_n = np.concatenate([ranked.searchsorted(least_n[begin:end]) for ranked, begin, end in each])
    p_KM[~np.isnan(known_KM)] = 1.0
    p_KM.reshape(-1)[at] = _p_values(below_n, scores_n, least_n, law_n)
    return p_KM


def _below(ranked_SR: Floats, places: Ints, count_n: Floats, least_n: Floats) -> Ints:
    """How many sorted scores of each place are smaller: a binary search in all places at once."""
    if len(places) < _FEW:
        each = zip(places.tolist(), count_n.astype(np.int64).tolist(), least_n, strict=True)
        return np.array([ranked_SR[place, :count].searchsorted(least) for place, count, least in each], np.int64)
    flat, first_n, count_n = ranked_SR.reshape(-1), places * ranked_SR.shape[1] - 1, count_n.astype(np.int64)
    low_n = np.zeros(len(places), np.int64)
    step = 1 << int(count_n.max(initial=0)).bit_length()
    while step := step >> 1:
        probe_n = low_n + step
        inside_n = probe_n <= count_n
        smaller_n = ~(flat[first_n + np.where(inside_n, probe_n, 1)] >= least_n)
        low_n = np.where(inside_n & smaller_n, probe_n, low_n)
    return low_n


def _at(ranked_KM: Floats, place: Ints) -> Floats:
    """Each series' sorted scores at some positions; the first for a position outside. Shapes: place [K] or [K, J]"""
    rows = np.arange(len(ranked_KM)).reshape(-1, *[1] * (place.ndim - 1))
    return np.asarray(ranked_KM[rows, np.maximum(place, 0)]) if ranked_KM.shape[1] else np.zeros(place.shape)


def _medians(ranked_KM: Floats, count_K: Ints) -> Floats:
    """Medians of absolute scores, 0 if there is no score."""
    size_KM = np.abs(ranked_KM)
    if (ranked_KM[:, :1] < 0).any():
        size_KM.sort(axis=1)
    middle_K = (_at(size_KM, (count_K - 1) // 2) + _at(size_KM, count_K // 2)) / 2
    return np.where(count_K > 0, middle_K, 0.0)


def _runs(known_KM: Floats, ranked_KM: Floats, count_K: Ints) -> Floats:
    """Mean number of rows in a run of high scores, as `Ranks.run`: [K]"""
    enough_K = count_K >= FEWEST
    high_K = np.where(enough_K, _at(ranked_KM, (HIGH * (count_K - 1)).astype(np.int64)), np.inf)
    series, place = np.nonzero(known_KM > high_K[:, None])
    if (count_K < known_KM.shape[1]).any():  # rows without a score do not count as steps
        place = (~np.isnan(known_KM)).cumsum(axis=1)[series, place]
    same = series[1:] == series[:-1]
    series, steps = series[1:][same], np.diff(place)[same].astype(float)
    steps_K = np.bincount(series, minlength=len(count_K))
    once_K, twice_K = (np.bincount(series, x, len(count_K)) for x in (steps - 1, (steps - 1) * (steps - 2)))
    told_K = (steps_K >= 2) & (twice_K > 0)
    index_K = 2 * once_K**2 / np.where(told_K, steps_K * twice_K, 1.0)
    return np.where(told_K, 1.0 / np.clip(index_K, LEAST_INDEX, 1.0), 1.0)


def _by_moments(excess_KJ: Floats, count_K: Ints, shape_most: float, least: float) -> tuple[Floats, Floats]:
    """`_pareto.by_moments` for several, highest first and 0 beyond their counts: scales and shapes, [K] each"""
    first_K = excess_KJ.sum(axis=1) / count_K
    weight_KJ = np.arange(excess_KJ.shape[1]) / (count_K[:, None] - 1)
    second_K = (excess_KJ * weight_KJ).sum(axis=1) / count_K
    apart_K = first_K - 2 * second_K
    heavy_K = (first_K > 0) & (apart_K > 0)
    shape_K = np.where(heavy_K, np.clip(2 - first_K / np.where(heavy_K, apart_K, 1.0), 0.0, shape_most), 0.0)
    return np.maximum(first_K * np.where(heavy_K, 1 - shape_K, 1.0), least), shape_K
