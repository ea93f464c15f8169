"""Shared by heads with a density: bounded widths, the weighted mean of losses, the normal distribution."""

import math

import torch
from scipy.stats import norm
from torch import Tensor

from forecaster.columns import LEVELS

__all__ = ["NORMAL_SCORES", "normal_nll", "weighted_mean", "width"]

NORMAL_SCORES: tuple[float, ...] = tuple(norm.ppf(LEVELS).tolist())
"""Standard normal quantiles at `columns.LEVELS`."""

_FURTHEST_LOG = 4.0
"""Widths lie between e^-4 and e^4 units: a series that stands still has no infinite density."""
_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def width(log_width: Tensor) -> tuple[Tensor, Tensor]:
    """A width and its logarithm, softly bounded, so that a gradient always leads back inside."""
    log = _FURTHEST_LOG * torch.tanh(log_width / _FURTHEST_LOG)
    return log.exp(), log


def normal_nll(target: Tensor, mean: Tensor, log_width: Tensor) -> Tensor:
    """Negative logarithm of a normal density (elementwise)."""
    spread, log = width(log_width)
    return 0.5 * ((target - mean) / spread).square() + log + _HALF_LOG_TAU


def weighted_mean(loss: Tensor, weight: Tensor) -> Tensor:
    """Mean of the losses with a weight. Shapes: [..., H], [..., H] -> scalar"""
    return (loss * weight).sum() / weight.sum().clamp(min=1e-12)
