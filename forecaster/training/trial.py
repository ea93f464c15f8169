"""Compares candidate models of different kinds and lag windows on the same held-out rows."""

from dataclasses import dataclass

import numpy as np

from forecaster.columns import LEVELS
from forecaster.layers.distribution import pinball
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.held_out import held_out_series
from forecaster.training.plan import Plan
from forecaster.training.walk import Forecasts, walk

__all__ = ["Trial"]

_FORECASTS = 512
"""Approximate maximum of series and cutoffs: a statistical model is fitted to each series."""
_FEWEST_ROWS = 4
"""A series with fewer rows has no late ones that say anything."""


@dataclass(frozen=True)
class Trial:
    """Cutoffs in the held-out rows, and the actual values after them.

    The errors reported by trainings cannot be compared: they are in spreads of lag windows, which differ by candidate.

    Shapes:  grid holds the series used; first and last [S]; targets, moves [n, H]: values, and the mean absolute
        change of their series, NaN if it never changes, since errors then have no unit
    """

    grid: Grid
    first: Ints
    last: Ints
    stride: int
    targets: Floats
    moves: Floats

    @classmethod
    def of(cls, grid: Grid, ends: Ints, plan: Plan) -> "Trial":
        """A trial on the rows before `ends` that a training by `plan` holds out. Shapes: ends [S]"""
        chosen = held_out_series(ends, plan)
        chosen = chosen[:: max(1, -(-len(chosen) // _FORECASTS))]
        held_out, ends = plan.training.held_out, ends[chosen]
        stride = max(1, (held_out - plan.horizon) * len(chosen) // _FORECASTS)
        first, last = ends - held_out - 1, ends - plan.horizon - 1
        return cls._between(grid.take(chosen), first, last, ends, stride, plan.horizon, seen=first + 1)

    @classmethod
    def of_late_rows(cls, grid: Grid, ends: Ints, plan: Plan) -> "Trial":
        """A trial on the second half of each series, where too few rows come before `ends` to hold any out.

        Fit for models without training only, as networks have learned these rows. Forecasts that reach beyond `ends` are
        judged on their first steps: targets after it are NaN.

        Shapes: ends [S]
        """
        chosen = np.flatnonzero(ends >= _FEWEST_ROWS)
        chosen = chosen[:: max(1, -(-len(chosen) // _FORECASTS))]
        ends = ends[chosen]
        first, last = ends // 2, ends - 2
        stride = max(1, int((last - first).sum()) // _FORECASTS)
        return cls._between(grid.take(chosen), first, last, ends, stride, plan.horizon, seen=ends)

    @classmethod
    def _between(
        cls, part: Grid, first: Ints, last: Ints, ends: Ints, stride: int, horizon: int, *, seen: Ints
    ) -> "Trial":
        """A trial from the first to the last cutoff of each series, in units of the moves of the rows that were `seen`."""
        moves_S = np.array([_usual_move(part.values(s)[: seen[s]]) for s in range(part.series)])
        cutoffs = [np.arange(a, b + 1, stride) for a, b in zip(first, last, strict=True)]
        owner = np.repeat(np.arange(part.series), [len(one) for one in cutoffs])
        at = np.concatenate([np.zeros(0, np.int64), *cutoffs])[:, None] + np.arange(1, horizon + 1)
        within = at < ends[owner, None]
        targets = np.where(within, part.y[part.offsets[owner, None] + np.where(within, at, 0)], np.nan)
        return cls(part, first, last, stride, targets, np.broadcast_to(moves_S[owner, None], at.shape))

    @property
    def windows(self) -> float:
        """Number of horizons held out, over all series."""
        return float(((self.last - self.first) / self.targets.shape[1] + 1).sum())

    def forecasts(self, made: Artefact) -> Floats:
        """Quantiles from every cutoff, [n, H, Q]"""
        parts = list(walk(made, self.grid, self.first, self.last, stride=self.stride, device="cpu"))
        if not parts:
            return np.zeros((*self.targets.shape, len(LEVELS)))
        return Forecasts.joined(parts).quantiles

    def error(self, quantiles: Floats) -> float:
        """Mean pinball loss of forecasts from every cutoff, in units of each series' mean absolute change.

        Shapes:  [n, H, Q]
        Missing: missing values are left out; NaN if no value is known or no series changes
        """
        loss = pinball(quantiles, LEVELS, self.targets) / self.moves
        return float(np.nanmean(loss)) if (~np.isnan(loss)).any() else float("nan")


def _usual_move(values: Floats) -> float:
    moves = np.abs(np.diff(values))
    mean = float(np.nanmean(moves)) if (~np.isnan(moves)).any() else 0.0
    return mean or float("nan")
