"""Distance from an exponentially weighted mean."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.stats import norm

from forecaster.columns import LEVELS
from forecaster.detectors._running import filled
from forecaster.detectors.base import Follower, Numbers, Pointwise, Sight, Views
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Ewma"]

_FEWEST = 10
"""Fewest values that give a deviation."""
_NORMAL = norm.ppf(LEVELS)


class Ewma(Pointwise):
    """Distance from the exponentially weighted mean of the past, in exponentially weighted deviations.

    Shapes:  y [time] -> [time]
    Units:   none
    Missing: NaN scores NaN and does not move the mean; the first values score NaN until a deviation is known
    Fails:   on trends and seasons; take the residual of a forecast there
    Source:  Roberts (1959), Technometrics 1(3)
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Pointwise.Config):
        alpha: float = 0.05
        """Weight of the newest value, in (0, 1]."""

        def __post_init__(self) -> None:
            if not 0 < self.alpha <= 1:
                raise ValueError(f"alpha must be in (0, 1], got {self.alpha}")

    config: Config

    def score(self, y_T: Floats) -> Floats:
        mean_T, deviation_T = self._past(y_T)
        return (y_T - mean_T) / deviation_T

    def views(self, grid: Grid) -> Views:
        means, deviations = zip(*(self._past(grid.values(s)) for s in range(grid.series)), strict=True)
        mean_N, deviation_N = np.concatenate(means), np.concatenate(deviations)
        score_N = (grid.y - mean_N) / deviation_N
        band_N = 1.96 * deviation_N
        return Views(np.abs(score_N)[:, None], mean_N, mean_N - band_N, mean_N + band_N, np.sign(score_N))

    def follow(self, clock: Clock) -> Follower:
        return _Following(self.config.alpha)

    def _past(self, y_T: Floats) -> tuple[Floats, Floats]:
        """Mean and deviation of the values before each one."""
        past = pd.Series(y_T).shift(1)
        mean_T = past.ewm(alpha=self.config.alpha).mean().ffill()
        size = (past - mean_T.shift(1)).abs().ewm(alpha=self.config.alpha, min_periods=_FEWEST).mean().ffill()
        return mean_T.to_numpy(float), _deviation(mean_T.to_numpy(float), size.to_numpy(float))


class _Following(Follower):
    """The streaming form: keeps the mean and the mean absolute error, each with its total weight."""

    def __init__(self, alpha: float) -> None:
        self._keep = 1 - alpha
        unknown, one = np.array(np.nan), np.array(1.0)
        self._held = Numbers(mean=unknown, weight=one, size=unknown, size_weight=one, errors=np.array(0))

    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        self._held.grow(int(series.max()) + 1)
        mean, deviation = self._expected(series)
        score = (values - mean) / deviation
        self._learn(series, values, mean)
        views = Views(np.abs(score)[:, None], mean, mean - 1.96 * deviation, mean + 1.96 * deviation, np.sign(score))
        ahead_mean, ahead_deviation = self._expected(series)
        return Sight(views, ahead_mean[:, None] + ahead_deviation[:, None] * _NORMAL)

    def begin(self, grid: Grid) -> None:
        self._held.grow(grid.series)
        for s in range(grid.series):
            y_T = grid.values(s)
            mean_T, weight_T = _faded_means(y_T, self._keep)
            error_T = np.abs(y_T - np.concatenate([[np.nan], mean_T[:-1]]))
            size_T, size_weight_T = _faded_means(error_T, self._keep)
            last = {"mean": mean_T, "weight": weight_T, "size": size_T, "size_weight": size_weight_T}
            for name, value_T in last.items():
                self._held[name][s] = value_T[-1]
            self._held["errors"][s] = np.count_nonzero(~np.isnan(error_T))

    def _expected(self, series: Ints) -> tuple[Floats, Floats]:
        """Mean and deviation for the next row."""
        mean, size = self._held["mean"][series], self._held["size"][series]
        return mean, _deviation(mean, np.where(self._held["errors"][series] >= _FEWEST, size, np.nan))

    def _learn(self, series: Ints, values: Floats, mean: Floats) -> None:
        held, errors = self._held, np.abs(values - mean)
        for name, weight, new in (("mean", "weight", values), ("size", "size_weight", errors)):
            held[name][series], held[weight][series] = _faded(held[name][series], held[weight][series], new, self._keep)
        held["errors"][series] += ~np.isnan(errors)

    def forget(self, series: Ints) -> None:
        self._held.forget(series)

    def state(self) -> dict[str, Array]:
        return self._held.state()

    def restore(self, state: Mapping[str, Array]) -> None:
        self._held.restore(state)


def _faded(mean: Floats, weight: Floats, new: Floats, keep: float) -> tuple[Floats, Floats]:
    """A weighted mean and its weight, updated with one more value; old weights decay also if it is missing."""
    seen, begun = ~np.isnan(new), ~np.isnan(mean)
    weight = np.where(begun, weight * keep, 0.0)
    total = weight + seen
    value = np.where(begun, mean, 0.0) * weight + np.where(seen, new, 0.0)
    return np.where(seen, value / np.maximum(total, 1e-300), mean), np.where(seen, total, weight)


def _faded_means(values_T: Floats, keep: float) -> tuple[Floats, Floats]:
    """The means and weights of `_faded` after each value of a series, in one pass. Shapes: [time] -> [time] each"""
    seen_T = ~np.isnan(values_T)
    total_T, weight_T = (lfilter([1.0], [1.0, -keep], part) for part in (np.where(seen_T, values_T, 0.0), seen_T * 1.0))
    mean_T = np.where(seen_T, total_T / np.maximum(weight_T, 1e-300), np.nan)
    return filled(mean_T[None])[0], weight_T


def _deviation(mean: Floats, size: Floats) -> Floats:
    """Deviation from the mean absolute error; at least a millionth of the level, as a flat past has no error."""
    return np.maximum(1.25 * size, 1e-6 * np.abs(mean) + 1e-12)
