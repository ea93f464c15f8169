"""How sure it is that one model's errors are smaller than another's: their ratio, with a 95 % interval.

Both models are judged on the same values, so the bootstrap resamples the same parts of a backtest for both. Resampling
whole series estimates the ratio for other series of the same kind; resampling runs of neighbouring cutoffs, of all
series at once, estimates it for other times. A run is at least as long as the span over which forecasts share true
values. If both can be resampled, the wider interval counts: series that share their weather are not independent.

There is no Diebold-Mariano test. It is made for single series, and there runs of cutoffs answer the same question for
all horizon steps together, in the ratio that people read; from four runs on, the intervals keep their coverage.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm, t

from forecaster.evaluation.scoreboard import Scoreboard, Sums
from forecaster.series.grid import Floats

__all__ = ["COMPARED", "Interval", "Ratio", "over_cutoffs", "over_series", "ratio", "wider"]

COMPARED = ("mase", "wql")
"""Metrics that a backtest gives with an interval."""

FEWEST_SERIES, FEWEST_RUNS = 8, 4
_TAIL = 0.025
_DRAWS = 2_000
_MOST_UNITS = 1_024

Interval = tuple[float, float]


@dataclass(frozen=True)
class Ratio:
    """The ratio of a model's metric to another model's."""

    metric: str
    value: float
    interval: Interval | None
    """95 %; none where series and cutoffs are too few."""
    over: str | None
    """What was drawn for it: series or cutoffs."""
    void: str = ""
    """Why there is none: the value is then NaN."""

    @property
    def includes_one(self) -> bool:
        """Whether the interval contains 1, so that the models may be equally good."""
        return self.interval is None or self.interval[0] <= 1 <= self.interval[1]

    def to_json(self) -> dict[str, Any]:
        """The ratio as plain data, for reports."""
        if self.void:
            return {"ratio": None, "low": None, "high": None, "over": None, "includes_one": None, "void": self.void}
        low, high = self.interval or (None, None)
        return {"ratio": self.value, "low": low, "high": high, "over": self.over, "includes_one": self.includes_one}

    def line(self, other: str) -> str:
        """The ratio in words."""
        if self.void:
            return f"{self.metric.upper()} beside {other}'s: n/a, {self.void}"
        beside = f"{self.metric.upper()} {self.value:.2f} of {other}'s"
        if self.interval is None:
            return f"{beside} (too few series and cutoffs for an interval)"
        low, high = self.interval
        return f"{beside} (95 % interval {low:.2f}-{high:.2f}{', which includes 1' if self.includes_one else ''})"


def ratio(model: Scoreboard, other: Scoreboard, metric: str, *, seed: int = 1) -> Ratio:
    """The ratio of a model's metric to another's, both judged on the same series and cutoffs.

    For metrics that are roots of a mean (rmse, rmsse) it is the root of the ratio of means.

    Missing: NaN, with the reason, if nothing counts or the other has no error
    Fails:   for metrics that do not measure the size of errors (bias, coverage80)
    """
    why = other.void().get(metric) or model.void().get(metric, "")
    mine, theirs = model.sums[metric], other.sums[metric]
    if not why and (other.is_exact or theirs.by_step[:, 0].sum() <= 0):
        why = "its forecasts are exact in the test part (values that stay, or repeat), so there is no error to compare with"
    if why:
        return Ratio(metric, float("nan"), None, None, why)
    drawn, over = wider(mine, theirs, span=model.span, seed=seed)
    totals = np.concatenate([mine.by_step, theirs.by_step], axis=1).sum(0)
    finish = model.metrics[metric].finish
    interval = (finish(drawn[0]), finish(drawn[1])) if drawn is not None else None
    return Ratio(metric, finish(float(_ratios(totals))), interval, over)


def wider(model: Sums, other: Sums, *, span: int = 1, seed: int = 1) -> tuple[Interval | None, str | None]:
    """The wider 95 % interval of the ratio of two means, and what was drawn for it: series or cutoffs."""
    found = {
        "series": over_series(model.by_series, other.by_series, seed=seed),
        "cutoffs": over_cutoffs(model.by_block, other.by_block, span=span, seed=seed),
    }
    widths = {over: interval[1] - interval[0] for over, interval in found.items() if interval is not None}
    over = max(widths, key=widths.__getitem__, default=None)
    return (found[over], over) if over is not None else (None, None)


def over_series(model: Floats, other: Floats, *, seed: int = 1) -> Interval | None:
    """95 % interval of the ratio of two means, from resampled series; None with fewer than `FEWEST_SERIES`.

    Shapes:  model, other [S, 2], sums of terms and weights
    Missing: series that do not count for both are left out
    Fails:   if the errors of the series rise and fall together; resampling cutoffs accounts for that
    Source:  paired bootstrap, Efron and Tibshirani (1993); widened for few series by Hesterberg (2015), The American
        Statistician 69(4), "expanded percentile interval"
    """
    units = _paired(model, other)
    return _interval(_merged(units, seed), run=1, seed=seed) if len(units) >= FEWEST_SERIES else None


def over_cutoffs(model: Floats, other: Floats, *, span: int = 1, seed: int = 1) -> Interval | None:
    """The same from resampled runs of blocks of cutoffs; None with fewer than `FEWEST_RUNS` that do not overlap.

    Shapes:  model, other [blocks, 2] in time order; a forecast's true values extend over `span` blocks
    Missing: blocks that do not count for both are left out
    Fails:   if errors are correlated for longer than a run; the interval is then too narrow
    Source:  circular block bootstrap, Politis and Romano (1992), in runs of the cube root of the blocks at least: Hall,
        Horowitz and Jing (1995), Biometrika 82(3)
    """
    units = _paired(model, other)
    run = max(span, round(len(units) ** (1 / 3)))
    return _interval(units, run=run, seed=seed) if len(units) >= FEWEST_RUNS * run else None


def _paired(model: Floats, other: Floats) -> Floats:
    """Units (series or blocks) that count for both models. Shapes: [n, 2], [n, 2] -> [m, 4]"""
    return np.concatenate([model, other], axis=1)[(model[:, 1] > 0) & (other[:, 1] > 0)]


def _merged(units: Floats, seed: int) -> Floats:
    """At most `_MOST_UNITS` units: more are merged at random, which keeps the sums and nearly keeps the interval."""
    if len(units) <= _MOST_UNITS:
        return units
    merged = np.zeros((_MOST_UNITS, units.shape[1]))
    np.add.at(merged, np.random.default_rng(seed).permutation(len(units)) % _MOST_UNITS, units)
    return merged


def _interval(units: Floats, *, run: int, seed: int) -> Interval | None:
    runs = len(units) / run
    tail = norm.cdf(-np.sqrt(runs / (runs - 1)) * t.isf(_TAIL, runs - 1))
    drawn = _ratios(_drawn(units, run, np.random.default_rng(seed)))
    low, high = np.quantile(drawn, [tail, 1 - tail]) if np.isfinite(drawn).all() else (np.nan, np.nan)
    return (float(low), float(high)) if low <= high else None


def _drawn(units: Floats, run: int, random: np.random.Generator) -> Floats:
    """Sums over runs of units with random starts, of n units in all per draw. Shapes: [n, 4] -> [draws, 4]"""
    count = len(units)
    starts = random.integers(count, size=(_DRAWS, -(-count // run)))
    chosen = (starts[..., None] + np.arange(run)) % count
    sums: Floats = units[chosen.reshape(_DRAWS, -1)[:, :count]].sum(1)
    return sums


def _ratios(sums: Floats) -> Floats:
    """Ratio of the two means, NaN if undefined. Shapes: [..., 4] -> [...]"""
    above, below = sums[..., 0] * sums[..., 3], sums[..., 1] * sums[..., 2]
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
