"""Interval widths that adapt to each series: wider after errors larger than predicted, narrower after smaller ones."""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import HIGH, LOW, MEDIAN
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["AdaptiveWidths", "factor", "half_width", "judged_step", "relative_error"]

Numbers = TypeVar("Numbers", Tensor, Floats)

_USUAL = 0.6226
"""Mean absolute error of a normal forecast in units of its half 80 % interval: sqrt(2 / pi) / 1.2816."""
_FURTHEST = 5.0
"""Cap on an error, in half intervals: a single gross value is an anomaly, not a change of the series."""
_HORIZONS = 32
"""Rows looked back on, in horizons."""
_PRIOR = 8.0
"""Weight of the prior that the widths are right, in horizons of errors."""
_JUDGED = 4
"""Cutoffs judged per horizon; neighbouring cutoffs have nearly the same errors."""


def judged_step(horizon: int) -> int:
    """Distance between two judged cutoffs, in positions."""
    return max(1, horizon // _JUDGED)


def half_width(quantiles: Tensor) -> tuple[Tensor, Tensor]:
    """Median and half the 80 % interval. Shapes: [..., Q] -> [...], [...]"""
    half = (quantiles[..., HIGH] - quantiles[..., LOW]).clamp(min=1e-9) / 2
    return quantiles[..., MEDIAN], half


def relative_error(targets: Numbers, middle: Numbers, half: Numbers) -> Numbers:
    """Absolute errors relative to what is usual for forecasts of this width; elementwise."""
    return (abs(targets - middle) / half).clip(max=_FURTHEST) / _USUAL


def factor(errors: Numbers, known: Numbers, horizon: int) -> Numbers:
    """Factors on widths from the sums and counts of the errors looked back on; elementwise."""
    each = horizon**2 / judged_step(horizon)
    return (_PRIOR + errors / each) / (_PRIOR + known / each)


class AdaptiveWidths:
    """A factor on the widths of the forecast from each cutoff, learned from errors known by that cutoff.

    The error of the forecast from cutoff c at step h is known from c + h on; the factor at t uses those with
    t - 32 H < c + h <= t, so it does not depend on which cutoffs are asked for. Cutoffs before `settled` are not
    judged: at the start of a series its scale is still unreliable, and errors there say nothing about later ones.

    Source: the idea is adaptive conformal inference, Gibbs and Candes (2021), here with the size of errors instead
        of a count of misses; docs/experiments.md has the results
    """

    def __init__(self, series: int, rows: int, horizon: int, settled: int = 0) -> None:
        self.horizon, self.settled = horizon, settled
        self._step = judged_step(horizon)
        self._errors_BT = np.zeros((series, rows))
        self._known_BT = np.zeros((series, rows))

    @staticmethod
    def looks_back(horizon: int) -> int:
        """How many rows before a cutoff a forecast can lie and still affect its factor."""
        return (_HORIZONS + 1) * horizon

    def judged(self, at: Ints, first: Ints) -> Bools:
        """Which cutoffs are judged, for factors wanted from `first` on. Shapes: at and first broadcast"""
        late = (at > first - self.looks_back(self.horizon)) & (at >= self.settled)
        chosen: Bools = (at % self._step == 0) & late
        return chosen

    def learn(self, rows: Ints, at: Ints, quantiles: Tensor, targets: Tensor, seen: Tensor) -> None:
        """Record the errors of some judged cutoffs.

        Shapes: rows, at (positions) [n]; quantiles [n, H, Q]; targets and whether they were seen [n, H]
        """
        error = relative_error(targets, *half_width(quantiles))
        due = at[:, None] + 1 + np.arange(self.horizon)
        counted = seen.cpu().numpy() & (due < self._known_BT.shape[1])
        series = np.broadcast_to(rows[:, None], due.shape)[counted]
        np.add.at(self._errors_BT, (series, due[counted]), error.cpu().numpy()[counted])
        np.add.at(self._known_BT, (series, due[counted]), 1.0)

    def factors(self, rows: Ints, at: Ints) -> Tensor:
        """Factors at some cutoffs. Shapes: rows of the block, at (positions) [n] -> [n]"""
        errors, known = (self._looking_back(sums, rows, at) for sums in (self._errors_BT, self._known_BT))
        return factor(torch.as_tensor(errors), torch.as_tensor(known), self.horizon)

    def latest(self, rows: int) -> tuple[Floats, Floats]:
        """Sums and counts of the errors of the last rows, each at its position modulo `rows`. Shapes: [B, rows] each"""
        end = self._known_BT.shape[1]
        at = np.arange(max(0, end - rows), end)
        found = np.zeros((2, len(self._known_BT), rows))
        found[0][:, at % rows], found[1][:, at % rows] = self._errors_BT[:, at], self._known_BT[:, at]
        return found[0], found[1]

    @staticmethod
    def apply(quantiles: Tensor, factor: Tensor) -> Tensor:
        """Quantiles with their distances from the median multiplied by the factors. Shapes: [n, H, Q], [n]"""
        middle = quantiles[..., MEDIAN, None]
        return torch.addcmul(middle, quantiles - middle, factor.to(quantiles)[:, None, None])

    def _looking_back(self, values_BT: Floats, rows: Ints, at: Ints) -> Floats:
        begin = np.maximum(at + 1 - _HORIZONS * self.horizon, 0)
        low, high = begin.min(initial=0 if len(at) == 0 else at.max()), at.max(initial=-1) + 1
        total = np.pad(values_BT[:, low:high].cumsum(axis=1), ((0, 0), (1, 0)))
        found: Floats = total[rows, at + 1 - low] - total[rows, begin - low]
        return found
