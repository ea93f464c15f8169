"""A mixture of normal distributions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.heads._likelihood import NORMAL_SCORES, normal_nll, weighted_mean, width
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["Mixture"]

_HALVINGS = 24
"""Bisections of the bracket around a quantile, which is seldom wider than 500 units: accurate to 2e-5."""


class Mixture(Head):
    """Weights, means and widths of some normal distributions: several peaks, skew, tails.

    Shapes:  [..., H, 3 K] (weights, means, widths) -> [..., H, 13]
    Units:   errors of a usual size are about 1; the loss is in nats
    Fails:   on few rows, as its components are hardly told apart; each quantile takes a search of half a microsecond
    Source:  Bishop (1994), Mixture density networks, equations 22-29
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Head.Config):
        components: int = 3
        """Normal distributions K, at least 1."""

        def __post_init__(self) -> None:
            if self.components < 1:
                raise ValueError(f"components must be at least 1, got {self.components}")

    config: Config

    def initial(self) -> Sequence[float]:
        parts = self.config.components
        apart = np.arange(parts) - (parts - 1) / 2
        return [*[0.0] * parts, *(apart / parts).tolist(), *[0.0] * parts]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        logits, means, log_widths = params.chunk(3, -1)
        each = logits.log_softmax(-1) - normal_nll(target[..., None], means, log_widths)
        return weighted_mean(-each.logsumexp(-1), weight)

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        logits, means, log_widths = params.chunk(3, -1)
        shares, spreads = logits.softmax(-1), width(log_widths)[0]
        levels_Q = torch.tensor(LEVELS, device=params.device, dtype=params.dtype)
        low, high = _bracket(means, spreads)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            below = _cdf(middle, shares, means, spreads) < levels_Q
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        # Each level was searched on its own: rounding must not make neighbouring quantiles cross.
        return ((low + high) / 2).cummax(-1).values


def _bracket(means: Tensor, spreads: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds: a mixture's quantile lies between those of its components. Shapes: [..., K] -> [..., Q]"""
    scores_Q = torch.tensor(NORMAL_SCORES, device=means.device, dtype=means.dtype)
    each = means[..., None, :] + spreads[..., None, :] * scores_Q[:, None]
    return each.amin(-1), each.amax(-1)


def _cdf(at: Tensor, shares: Tensor, means: Tensor, spreads: Tensor) -> Tensor:
    """Shapes: [..., Q], [..., K] -> [..., Q]"""
    total = torch.zeros_like(at)
    for k in range(means.shape[-1]):
        one = (..., slice(k, k + 1))
        total += shares[one] * torch.special.ndtr((at - means[one]) / spreads[one])
    return total
