"""Adaptive widths row by row: the same as `adaptive_widths`, from recent errors and a few stored forecasts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forecaster.scales.base import Scale
from forecaster.series.frequency import Ints
from forecaster.series.grid import Float32s, Floats
from forecaster.training.adaptive_widths import AdaptiveWidths, factor, half_width, judged_step, relative_error

__all__ = ["RecentErrors"]

_NONE = -(2**40)
"""Position that marks an empty slot for a forecast."""


@dataclass
class RecentErrors:
    """Errors of the rows looked back on, and the forecasts whose actual values are not all known yet.

    Shapes: R rows looked back on, each at its position modulo R; K waiting forecasts
    """

    errors_BR: Floats
    """Sum of the errors of all forecasts of a row, relative to what is usual for their widths."""
    known_BR: Floats
    """Number of these errors."""
    at_BK: Ints
    """Position of the cutoff, `_NONE` in an empty slot."""
    level_BK: Floats
    spread_BK: Floats
    furthest_BK: Floats
    """Distance to which targets are clipped, in spreads."""
    middle_BKH: Float32s
    """Median, in spreads."""
    half_BKH: Float32s
    """Half of the 80 % interval, in spreads."""
    error_B: Floats
    """Sum of `errors_BR`, kept up to date: adding up all rows at each step would dominate the run time."""
    count_B: Floats
    """Sum of `known_BR`."""

    @classmethod
    def none(cls, series: int, horizon: int) -> "RecentErrors":
        """The state before the first row."""
        rows, waiting = AdaptiveWidths.looks_back(horizon) - horizon, -(-horizon // judged_step(horizon))
        wide, narrow = np.zeros((series, waiting)), np.zeros((series, waiting, horizon), np.float32)
        errors = np.zeros((series, rows))
        at = np.full((series, waiting), _NONE)
        held = errors, errors.copy(), at, wide, wide.copy(), wide.copy(), narrow, narrow.copy()
        return cls(*held, np.zeros(series), np.zeros(series))

    @classmethod
    def of(cls, **arrays: npt.NDArray[Any]) -> "RecentErrors":
        """From its arrays by name; the sums may be absent, as in states saved by earlier versions."""
        return cls(**{"error_B": arrays["errors_BR"].sum(1), "count_B": arrays["known_BR"].sum(1)} | arrays)

    def remember(self, b: Ints, errors_nR: Floats, known_nR: Floats) -> None:
        """Set the errors of all rows looked back on. Shapes: series [n]"""
        self.errors_BR[b], self.known_BR[b] = errors_nR, known_nR
        self.error_B[b], self.count_B[b] = errors_nR.sum(1), known_nR.sum(1)

    def judge(self, rows_B: Ints, values_B: Floats, scale: Scale) -> None:
        """Compare the waiting forecasts with new values. Shapes: positions [B], values [B], NaN where missing"""
        horizon, at = self.middle_BKH.shape[-1], (np.arange(len(rows_B)), rows_B % self.errors_BR.shape[1])
        step_BK = rows_B[:, None] - self.at_BK
        due_BK = (step_BK >= 1) & (step_BK <= horizon) & ~np.isnan(values_B)[:, None]
        due = b, k = np.nonzero(due_BK)
        units = (torch.from_numpy(part) for part in (values_B[b], self.level_BK[due], self.spread_BK[due]))
        far, h = self.furthest_BK[due], step_BK[due] - 1
        target = scale.forward(*units).numpy().clip(-far, far)
        error_BK = np.zeros(due_BK.shape)
        error_BK[due] = relative_error(target, self.middle_BKH[b, k, h], self.half_BKH[b, k, h])
        error_B, count_B = error_BK.sum(1), due_BK.sum(1)
        self.error_B = self.error_B + (error_B - self.errors_BR[at])
        self.count_B = self.count_B + (count_B - self.known_BR[at])
        self.errors_BR[at], self.known_BR[at] = error_B, count_B

    def keep(self, b: Ints, at: Ints, quantiles: Tensor, level: Tensor, spread: Tensor, furthest: Tensor) -> None:
        """Store forecasts to judge until their values come. Shapes: series, positions [n]; [n, H, Q]; [n], [n], [n]"""
        slot = b, at // judged_step(self.middle_BKH.shape[-1]) % self.at_BK.shape[1]
        self.at_BK[slot] = at
        self.level_BK[slot], self.spread_BK[slot], self.furthest_BK[slot] = level, spread, furthest
        self.middle_BKH[slot], self.half_BKH[slot] = half_width(quantiles)

    def factors(self) -> Floats:
        """Factors on the widths of forecasts from the newest row, [B]"""
        return factor(self.error_B, self.count_B, self.middle_BKH.shape[-1])
