"""Turns outputs of a classifier into log-odds that are calibrated on rows it did not learn from."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from forecaster.detectors._blocks import Held
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["LogOdds", "folds"]

_FEWEST = 30
"""With fewer rows of either kind, outputs stay as they are."""
_NAMES = ("raw", "odds", "prior")


@dataclass(frozen=True)
class LogOdds:
    """A rising line through points (raw output, log-odds), which maps any output; without points outputs are kept.

    Beyond its ends the line goes on with slope 1, so that a stranger row keeps a higher score; `chance` is never beyond
    the odds that were seen.

    Shapes: raw, odds [K]; prior [1]; all of length 0 without points
    """

    raw: Floats
    odds: Floats
    prior: Floats

    @classmethod
    def fit(cls, raw_m: Floats, marks_m: Floats) -> "LogOdds":
        """Isotonic regression on outputs for rows labelled anomalous (1) or normal (0); others are NaN."""
        known_m = ~np.isnan(raw_m) & ~np.isnan(marks_m)
        raw_m, marks_m = raw_m[known_m], marks_m[known_m]
        if min((marks_m == 1).sum(), (marks_m == 0).sum()) < _FEWEST:
            return cls(*np.zeros((3, 0)))
        order = np.argsort(raw_m, kind="stable")
        blocks = isotonic_regression(marks_m[order]).blocks
        counts = np.diff(blocks)
        raw_K, hits_K = (np.add.reduceat(part[order], blocks[:-1]) for part in (raw_m, marks_m))
        odds_K = np.log((hits_K + 0.5) / (counts - hits_K + 0.5))
        prior = np.log((marks_m.sum() + 0.5) / (len(marks_m) - marks_m.sum() + 0.5))
        return cls(raw_K / counts, np.maximum.accumulate(odds_K), np.array([prior]))

    def of(self, raw: Floats) -> Floats:
        """Log-odds that a row is anomalous."""
        if not len(self.raw):
            return raw
        beyond = np.minimum(raw - self.raw[0], 0.0) + np.maximum(raw - self.raw[-1], 0.0)
        return np.asarray(np.interp(raw, self.raw, self.odds) + beyond)

    def chance(self, raw: Floats) -> Floats:
        """-log10 of the probability that a normal row looks this anomalous; at odds k times the prior's at most 1 / k.

        Source: Ville's inequality: the likelihood ratio is an e-value, Vovk and Wang (2021), Annals of Statistics 49(3)
        """
        if not len(self.raw):
            return np.where(np.isnan(raw), np.nan, 0.0)
        gained = np.interp(raw, self.raw, self.odds) - self.prior
        return np.asarray(np.maximum(gained, 0.0) / np.log(10))

    def table(self) -> Held:
        """The line as arrays by name."""
        return {f"line.{name}": getattr(self, name) for name in _NAMES}

    @classmethod
    def from_table(cls, table: Mapping[str, Floats]) -> "LogOdds":
        """The line from a `table`."""
        return cls(*(table[f"line.{name}"] for name in _NAMES))


def folds(grid: Grid, marks_N: Floats) -> Ints:
    """Split all rows into two folds, 0 and 1, by turns: series are cut half-way between successive anomalies.

    Shapes: marks [N] -> [N]
    """
    fold_N, turn = np.zeros(len(grid.y), np.int64), 0
    for s in range(grid.series):
        marks_T = marks_N[grid.offsets[s] : grid.offsets[s + 1]] == 1
        begins = np.flatnonzero(np.diff(marks_T.astype(int), prepend=0) == 1)
        ends = np.flatnonzero(np.diff(marks_T.astype(int), append=0) == -1)
        cuts = (begins[1:] + ends[:-1] + 1) // 2
        number_T = np.searchsorted(cuts, np.arange(len(marks_T)), side="right")
        fold_N[grid.offsets[s] : grid.offsets[s + 1]] = (turn + number_T) % 2
        turn += len(begins) or 1
    return fold_N
