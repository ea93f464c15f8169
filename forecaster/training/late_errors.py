"""Widths that follow the series, a value at a time: what `adaptive_widths` gives, from a few forecasts that are kept."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forecaster.scales.base import Scale
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.training.adaptive_widths import AdaptiveWidths, factor, half_width, judged_step, relative_error

__all__ = ["LateErrors"]

Float32s = npt.NDArray[np.float32]

_NONE = -(2**40)
"""Position of a forecast that was not made."""


@dataclass
class LateErrors:
    """Errors of the rows that are looked back on, and the judged forecasts that still wait for their values.

    Shapes: R rows that are looked back on, each at its position modulo R; K waiting forecasts
    """

    errors_BR: Floats
    known_BR: Floats
    at_BK: Ints
    level_BK: Floats
    spread_BK: Floats
    furthest_BK: Floats
    middle_BKH: Float32s
    half_BKH: Float32s

    @classmethod
    def none(cls, series: int, horizon: int) -> "LateErrors":
        """Before the first row."""
        rows, waiting = AdaptiveWidths.looks_back(horizon) - horizon, -(-horizon // judged_step(horizon))
        wide, narrow = np.zeros((series, waiting)), np.zeros((series, waiting, horizon), np.float32)
        errors = np.zeros((series, rows))
        at = np.full((series, waiting), _NONE)
        return cls(errors, errors.copy(), at, wide, wide.copy(), wide.copy(), narrow, narrow.copy())

    def judge(self, rows_B: Ints, values_B: Floats, scale: Scale) -> None:
        """Hold the waiting forecasts against new values. Shapes: positions [B], values [B], NaN where there is none"""
        horizon, at = self.middle_BKH.shape[-1], (np.arange(len(rows_B)), rows_B % self.errors_BR.shape[1])
        step_BK = rows_B[:, None] - self.at_BK
        due_BK = (step_BK >= 1) & (step_BK <= horizon) & ~np.isnan(values_B)[:, None]
        due = b, k = np.nonzero(due_BK)
        units = (torch.from_numpy(part) for part in (values_B[b], self.level_BK[due], self.spread_BK[due]))
        far, h = self.furthest_BK[due], step_BK[due] - 1
        target = scale.forward(*units).numpy().clip(-far, far)
        error_BK = np.zeros(due_BK.shape)
        error_BK[due] = relative_error(target, self.middle_BKH[b, k, h], self.half_BKH[b, k, h])
        self.errors_BR[at], self.known_BR[at] = error_BK.sum(1), due_BK.sum(1)

    def keep(self, b: Ints, at: Ints, quantiles: Tensor, level: Tensor, spread: Tensor, furthest: Tensor) -> None:
        """Let some judged forecasts wait. Shapes: series, positions [n]; [n, H, Q]; [n], [n], [n]"""
        slot = b, at // judged_step(self.middle_BKH.shape[-1]) % self.at_BK.shape[1]
        self.at_BK[slot] = at
        self.level_BK[slot], self.spread_BK[slot], self.furthest_BK[slot] = level, spread, furthest
        self.middle_BKH[slot], self.half_BKH[slot] = half_width(quantiles)

    def factors(self) -> Floats:
        """Factors on widths of forecasts from the newest row, [B]"""
        return factor(self.errors_BR.sum(1), self.known_BR.sum(1), self.middle_BKH.shape[-1])
