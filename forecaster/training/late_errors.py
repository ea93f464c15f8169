"""Widths that follow the series, a value at a time: what `adaptive_widths` gives, from a few forecasts that are kept."""

from dataclasses import dataclass

import torch
from torch import Tensor

from forecaster.scales.base import Scale
from forecaster.training.adaptive_widths import AdaptiveWidths, factor, half_width, judged_step, relative_error

__all__ = ["LateErrors"]

_NONE = -(2**40)
"""Position of a forecast that was not made."""


@dataclass
class LateErrors:
    """Errors of the rows that are looked back on, and the judged forecasts that still wait for their values.

    Shapes: R rows that are looked back on, each at its position modulo R; K waiting forecasts
    """

    errors_BR: Tensor
    known_BR: Tensor
    at_BK: Tensor
    level_BK: Tensor
    spread_BK: Tensor
    furthest_BK: Tensor
    middle_BKH: Tensor
    half_BKH: Tensor

    @classmethod
    def none(cls, series: int, horizon: int) -> "LateErrors":
        """Before the first row."""
        rows, waiting = AdaptiveWidths.looks_back(horizon) - horizon, -(-horizon // judged_step(horizon))
        wide = torch.zeros(series, waiting, dtype=torch.float64)
        narrow = torch.zeros(series, waiting, horizon)
        errors = torch.zeros(series, rows, dtype=torch.float64)
        at = torch.full((series, waiting), _NONE)
        return cls(errors, errors.clone(), at, wide, wide.clone(), wide.clone(), narrow, narrow.clone())

    def judge(self, rows_B: Tensor, values_B: Tensor, scale: Scale) -> None:
        """Hold the waiting forecasts against new values. Shapes: positions [B], values [B], NaN where there is none"""
        horizon, place = self.middle_BKH.shape[-1], rows_B % self.errors_BR.shape[1]
        step_BK = rows_B[:, None] - self.at_BK
        due_BK = (step_BK >= 1) & (step_BK <= horizon) & ~torch.isnan(values_B)[:, None]
        h_BK1 = (step_BK - 1).clamp(0, horizon - 1)[..., None]
        middle_BK, half_BK = (x.gather(-1, h_BK1)[..., 0] for x in (self.middle_BKH, self.half_BKH))
        distance_BK = scale.forward(values_B[:, None], self.level_BK, self.spread_BK)
        target_BK = distance_BK.clamp(-self.furthest_BK, self.furthest_BK).float()
        error_BK = torch.where(due_BK, relative_error(target_BK, middle_BK, half_BK), 0.0)
        at = torch.arange(len(rows_B)), place
        self.errors_BR[at], self.known_BR[at] = error_BK.double().sum(1), due_BK.double().sum(1)

    def keep(self, b: Tensor, at: Tensor, quantiles: Tensor, level: Tensor, spread: Tensor, furthest: Tensor) -> None:
        """Let some judged forecasts wait. Shapes: series, positions [n]; [n, H, Q]; [n], [n], [n]"""
        slot = b, at // judged_step(self.middle_BKH.shape[-1]) % self.at_BK.shape[1]
        self.at_BK[slot], self.level_BK[slot], self.spread_BK[slot], self.furthest_BK[slot] = (
            at,
            level,
            spread,
            furthest,
        )
        self.middle_BKH[slot], self.half_BKH[slot] = half_width(quantiles)

    def factors(self) -> Tensor:
        """Factors on widths of forecasts from the newest row, [B]"""
        return factor(self.errors_BR.sum(1), self.known_BR.sum(1), self.middle_BKH.shape[-1])
