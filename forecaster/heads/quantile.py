"""Quantiles that cannot cross."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["Quantile"]

_MIDDLE = LEVELS.index(0.5)
_WIDEST = 3.4
"""Largest logarithm of an increment: e^3.4 = 30 times a usual error."""


class Quantile(Head):
    """The median, and positive increments away from it to each side.

    Shapes:  [..., H, 13] -> [..., H, 13]
    Units:   errors of a usual size are about 1
    Fails:   tails beyond the outermost levels are extrapolated, not learned
    Source:  pinball loss: Koenker and Bassett (1978); increments: Gasthaus et al. (2019), section 3
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Head.Config):
        median_weight: float = 2.0
        """Weight of the absolute error of the median, beside the mean pinball loss of all levels."""

        def __post_init__(self) -> None:
            if self.median_weight < 0:
                raise ValueError(f"median_weight must not be negative, got {self.median_weight}")

    config: Config

    def initial(self) -> Sequence[float]:
        points = norm.ppf(LEVELS)
        return [0.0, *np.log(0.5 * np.diff(points)).tolist()]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        levels_Q = torch.tensor(LEVELS, device=params.device, dtype=params.dtype)
        shares_Q = torch.full_like(levels_Q, 1 / len(LEVELS))
        shares_Q[_MIDDLE] += 2 * self.config.median_weight
        loss: Tensor = _Pinball.apply(self.quantiles(params), target, weight, levels_Q, shares_Q)  # type: ignore[no-untyped-call]  # autograd's own
        return loss

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        middle = params[..., :1]
        steps = params[..., 1:].clamp(max=_WIDEST).exp()
        below = steps[..., :_MIDDLE].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., _MIDDLE:].cumsum(-1)
        return torch.cat([middle - below, middle, middle + above], -1)


class _Pinball(torch.autograd.Function):
    """Mean pinball loss with its gradient made in the forward pass: one read of the quantiles instead of many."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, target: Tensor, weight: Tensor, levels_Q: Tensor, shares_Q: Tensor) -> Tensor:
        error = target[..., None] - q
        slope = (levels_Q - (error < 0).to(q.dtype)) * shares_Q
        total = weight.sum().clamp(min=1e-12)
        ctx.save_for_backward(slope, weight / total)
        return ((slope * error).sum(-1) * weight).sum() / total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        slope, weight = ctx.saved_tensors
        share = weight * grads[0]
        return -slope * share[..., None], slope.sum(-1) * share, None, None, None
