"""Metrics summed up while a backtest runs: overall, by horizon step, by series, and by block of cutoffs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster import plugins
from forecaster.evaluation.blocks import MOST_BLOCKS
from forecaster.metrics.base import Case, Metric
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Scoreboard", "Sums"]

_ROUNDING = 1e-12
"""Error, as a share of the values, that is none."""


@dataclass(frozen=True)
class Sums:
    """One metric's terms and weights, summed by series, by horizon step and by block of cutoffs.

    Shapes: by_series [S, 2], by_step [H, 2], by_block [MOST_BLOCKS, 2]
    """

    by_series: Floats
    by_step: Floats
    by_block: Floats

    @classmethod
    def none(cls, series: int, horizon: int) -> "Sums":
        """Empty sums."""
        return cls(np.zeros((series, 2)), np.zeros((horizon, 2)), np.zeros((MOST_BLOCKS, 2)))

    def add(self, terms: Floats, weights: Floats, series: Ints, blocks: Ints) -> None:
        """Shapes: terms, weights [n, H]; series, blocks [n]"""
        known = ~np.isnan(terms)
        for column, values in enumerate((terms, weights)):
            counted = np.where(known, values, 0.0)
            of_each = counted.sum(1)
            self.by_step[:, column] += counted.sum(0)
            np.add.at(self.by_series[:, column], series, of_each)
            np.add.at(self.by_block[:, column], blocks, of_each)


class Scoreboard:
    """Running sums of every metric; call `add` for each part of the backtest.

    Their size depends on the number of series, not of rows. `keys` names the series, one per row; `span` is the number
    of blocks of cutoffs over which the true values of one forecast extend.
    """

    def __init__(self, keys: pd.DataFrame, horizon: int, *, span: int = 1) -> None:
        self.keys, self.horizon, self.span = keys, horizon, span
        self.metrics: dict[str, type[Metric]] = {
            name: plugins.load("metrics", name) for name in plugins.names("metrics")
        }
        self.sums = {name: Sums.none(len(keys), horizon) for name in self.metrics}

    def add(self, case: Case, series: Ints, blocks: Ints) -> None:
        """Add a part of the backtest. Shapes: series, blocks [n], the numbers of each forecast's series and block"""
        for name, metric in self.metrics.items():
            self.sums[name].add(*metric.terms(case), series, blocks)

    @classmethod
    def joined(cls, boards: "Sequence[Scoreboard]") -> "Scoreboard":
        """One board with the series of all boards; horizons may differ."""
        keys = pd.concat([board.keys for board in boards], ignore_index=True)
        whole = cls(keys, max(board.horizon for board in boards), span=max(board.span for board in boards))
        for name, sums in whole.sums.items():
            np.concatenate([board.sums[name].by_series for board in boards], out=sums.by_series)
            for board in boards:
                sums.by_step[: board.horizon] += board.sums[name].by_step
                sums.by_block[:] += board.sums[name].by_block
        return whole

    def values(self) -> dict[str, float]:
        """Every metric over all parts; NaN if nothing was counted."""
        return {name: float(self._finished(name, self._total(name)[None])[0]) for name in self.sums}

    def void(self) -> dict[str, str]:
        """The metrics for which nothing was counted, each with the reason."""
        base = Metric.void if self._total("mae")[1] == 0 else None
        return {name: base or self.metrics[name].void for name in self.sums if not self._total(name)[1] > 0}

    @property
    def is_exact(self) -> bool:
        """Whether all forecasts are right, but for the rounding of numbers; as those of a naive model on values that repeat."""
        error, size = self._total("wape")
        return bool(error <= _ROUNDING * size)

    def _total(self, name: str) -> Floats:
        """Sums of a metric's terms and weights: [2]"""
        return np.asarray(self.sums[name].by_step.sum(0))

    def by_horizon(self) -> pd.DataFrame:
        """Every metric by horizon step, one row per step."""
        found = {name: self._finished(name, sums.by_step) for name, sums in self.sums.items()}
        return pd.DataFrame({"step": np.arange(1, self.horizon + 1), **found})

    def by_series(self) -> pd.DataFrame:
        """Every metric by series, one row per series: `unique_id`, [`channel`,] metrics."""
        found = {name: self._finished(name, sums.by_series) for name, sums in self.sums.items()}
        return self.keys.assign(**found)

    def _finished(self, name: str, sums: Floats) -> Floats:
        """The metric from sums of terms and weights: [n, 2] -> [n]"""
        finish = self.metrics[name].finish
        return np.array([finish(float(total / weight)) if weight > 0 else np.nan for total, weight in sums])
