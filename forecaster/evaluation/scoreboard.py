"""Metrics summed up as a backtest goes along: overall, by horizon step, and by series."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from forecaster import plugins
from forecaster.metrics.base import Case, Metric
from forecaster.series.grid import Floats

__all__ = ["Scoreboard"]


class Scoreboard:
    """Running sums of every metric's terms and weights; `add` as often as there are parts.

    Shapes: sums are [series, horizon, 2]
    """

    def __init__(self, labels: Sequence[str], horizon: int) -> None:
        self.labels, self.horizon = list(labels), horizon
        self.metrics: dict[str, type[Metric]] = {
            name: plugins.load("metrics", name) for name in plugins.names("metrics")
        }
        self.sums = {name: np.zeros((len(labels), horizon, 2)) for name in self.metrics}

    def add(self, case: Case, series: "Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
        """Count a part of the backtest. Shapes: series [n], the number of each forecast's series"""
        for name, metric in self.metrics.items():
            terms, weights = metric.terms(case)
            known = ~np.isnan(terms)
            both = np.stack([np.where(known, terms, 0.0), np.where(known, weights, 0.0)], axis=-1)
            np.add.at(self.sums[name], np.asarray(series), both)

    @classmethod
    def joined(cls, boards: "Sequence[Scoreboard]") -> "Scoreboard":
        """One board with the series of all; horizons may differ."""
        whole = cls([label for board in boards for label in board.labels], max(board.horizon for board in boards))
        for name, sums in whole.sums.items():
            at = 0
            for board in boards:
                sums[at : at + len(board.labels), : board.horizon] = board.sums[name]
                at += len(board.labels)
        return whole

    def values(self) -> dict[str, float]:
        """Every metric over all parts; NaN where nothing counted."""
        return {name: float(self._finished(name, sums.sum((0, 1))[None])[0]) for name, sums in self.sums.items()}

    def by_horizon(self) -> pd.DataFrame:
        """Every metric by horizon step, one row a step."""
        found = {name: self._finished(name, sums.sum(0)) for name, sums in self.sums.items()}
        return pd.DataFrame({"step": np.arange(1, self.horizon + 1), **found})

    def by_series(self) -> pd.DataFrame:
        """Every metric by series, one row a series."""
        found = {name: self._finished(name, sums.sum(1)) for name, sums in self.sums.items()}
        return pd.DataFrame({"series": self.labels, **found})

    def _finished(self, name: str, sums: Floats) -> Floats:
        """The metric from sums of terms and weights: [n, 2] -> [n]"""
        finish = self.metrics[name].finish
        return np.array([finish(float(total / weight)) if weight > 0 else np.nan for total, weight in sums])
