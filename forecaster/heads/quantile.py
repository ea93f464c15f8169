"""Quantiles that cannot cross."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from scipy.stats import norm
from torch import Tensor

from forecaster.columns import LEVELS, MEDIAN
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["Quantile"]

_WIDEST = 3.4
"""Largest logarithm of an increment: e^3.4 = 30 times a usual error."""
_ROWS_AT_ONCE = 4_096


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
        """Weight of the median's absolute error, added to the mean pinball loss of all levels."""

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
        shares_Q[MEDIAN] += 2 * self.config.median_weight
        loss: Tensor = _Pinball.apply(params, target, weight, levels_Q, shares_Q)  # type: ignore[no-untyped-call]  # autograd's own
        return loss

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        steps = params[..., 1:].clamp(max=_WIDEST).exp()
        return params[..., :1] + steps @ _sides(params.device, params.dtype)


@cache
def _sides(device: torch.device, dtype: torch.dtype) -> Tensor:
    """Which increments lie between the median and each quantile; negative below the median: [Q - 1, Q]"""
    increment, quantile = np.arange(len(LEVELS) - 1)[:, None], np.arange(len(LEVELS))
    above, below = (increment >= MEDIAN) & (quantile > increment), (increment < MEDIAN) & (quantile <= increment)
    with torch.inference_mode(False):  # what is kept may serve a training later
        return torch.as_tensor(above.astype(float) - below, device=device, dtype=dtype)


class _Pinball(torch.autograd.Function):
    """Weighted mean pinball loss of the quantiles; the forward pass also computes its gradient.

    Works on some rows at a time, so that they stay in the processor's cache: the quantiles of a training step are
    hundreds of times as many numbers as its values.
    """

    @staticmethod
    def forward(ctx: Any, params: Tensor, target: Tensor, weight: Tensor, levels_Q: Tensor, shares_Q: Tensor) -> Tensor:
        share = (weight / weight.sum().clamp(min=1e-12)).flatten()
        flat, wanted, sides = params.flatten(0, -2), target.flatten(), _sides(params.device, params.dtype)
        of_params, of_target = torch.empty_like(flat), torch.empty_like(wanted)
        loss = params.new_zeros(())
        most = _ROWS_AT_ONCE if params.device.type == "cpu" else max(1, len(flat))
        for begin in range(0, len(flat), most):
            rows = slice(begin, begin + most)
            steps = flat[rows, 1:].clamp(max=_WIDEST).exp_()
            error = (wanted[rows] - flat[rows, 0])[:, None] - steps @ sides
            slope = (levels_Q - (error < 0).to(error.dtype)).mul_(shares_Q).mul_(share[rows, None])
            loss += (slope * error).sum()
            of_target[rows] = slope.sum(-1)
            of_params[rows, 0] = -of_target[rows]
            kept = steps.mul_(flat[rows, 1:] < _WIDEST)
            of_params[rows, 1:] = (slope @ sides.T).neg_().mul_(kept)
        ctx.save_for_backward(of_params.view_as(params), of_target.view_as(target))
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        of_params, of_target = ctx.saved_tensors
        return of_params * grads[0], of_target * grads[0], None, None, None
