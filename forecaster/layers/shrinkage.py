"""Running means, and how much of them to believe."""

import torch
from torch import Tensor

from forecaster.layers.scan import scan

__all__ = ["MOMENTS", "believed", "mean_and_error", "moments"]

MOMENTS = 4
"""Faded sums behind a mean and its error: of weights, of their squares, of values and of squared values."""
_TINY = 1e-300


def moments(x_BTD: Tensor, known_BTD: Tensor, fade: float, before_BDM: Tensor) -> Tensor:
    """Faded sums of some columns at every step: a weight falls by the factor exp(-fade) with each step after its own.

    Shapes:  values, which of them count, and the sums before, of the M = `MOMENTS` kinds -> [B, T, D, M]
    """
    seen_BTD = known_BTD.to(x_BTD.dtype)
    x_BTD = torch.where(known_BTD, x_BTD, 0.0)
    new_BTDM = torch.stack([seen_BTD, seen_BTD, x_BTD, x_BTD.square()], -1)
    log_keep_M = -fade * torch.tensor([1.0, 2.0, 1.0, 1.0], dtype=x_BTD.dtype, device=x_BTD.device)
    return scan(log_keep_M.expand_as(new_BTDM).flatten(2), new_BTDM.flatten(2), before_BDM.flatten(1)).view_as(new_BTDM)


def mean_and_error(sums: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and squared standard error, which is infinite for less than two values. Shapes: [..., MOMENTS] -> [...], [...]"""
    weight, squares, total, total2 = sums.unbind(-1)
    mean = total / weight.clamp(min=_TINY)
    variance = (total2 / weight.clamp(min=_TINY) - mean.square()).clamp(min=0)
    independent = weight.square() - squares
    error = variance * squares / independent.clamp(min=_TINY)
    return mean, torch.where(independent > 1e-9 * squares, error, torch.inf)


def believed(square: Tensor, error: Tensor) -> Tensor:
    """The share of a mean that is believed: what is left of its square without what is there by chance; elementwise.

    Source: positive-part shrinkage, James and Stein (1961); of a single mean, Thompson (1968), JASA 63
    """
    return (1 - error / square.clamp(min=_TINY)).clamp(min=0)
