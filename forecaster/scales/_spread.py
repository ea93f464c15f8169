"""What spreads are made of: steps between neighbours, and a trailing mean that a quiet spell does not shrink.

Shapes:  values and masks are flat [N], the series end to end; `starts_N` is each row's series start
Missing: rows where `seen` is False count for nothing
"""

import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean

__all__ = ["before", "floored_mean", "latest_mean", "latest_move", "moves", "tiny"]


def moves(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute steps between neighbours of one series, and where both are seen."""
    before_N, known_N = before(y_N, seen_N, starts_N)
    return (y_N - before_N).abs(), known_N


def before(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """The value before each, and where both are seen and of one series."""
    inside_N = torch.arange(len(y_N), device=y_N.device) > starts_N
    return y_N.roll(1), seen_N & seen_N.roll(1) & inside_N


def floored_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor, steps: int, floor: float) -> Tensor:
    """Trailing mean, at least a part of the mean of all the past."""
    least_N = floor * expanding_mean(x_N, seen_N, starts_N)
    return torch.maximum(trailing_mean(x_N, seen_N, starts_N, steps), least_N)


def latest_mean(x_BR: Tensor, seen_BR: Tensor, steps: int) -> Tensor:
    """Mean of the seen values among the last `steps`; 0 where there is none. Shapes: [B, R], [B, R] -> [B]"""
    x, seen = x_BR[:, -steps:], seen_BR[:, -steps:]
    return torch.where(seen, x, 0.0).sum(1) / seen.sum(1).clamp(min=1)


def latest_move(y_BR: Tensor, seen_BR: Tensor, steps: int) -> Tensor:
    """Mean absolute step between neighbours among the last `steps` steps. Shapes: [B, R], [B, R] -> [B]"""
    y, seen = y_BR[:, -(steps + 1) :], seen_BR[:, -(steps + 1) :]
    return latest_mean(y.diff(dim=1).abs(), seen[:, 1:] & seen[:, :-1], steps)


def tiny(level_N: Tensor) -> Tensor:
    """A spread for series that have not moved yet: next to nothing, but not nothing."""
    return 1e-9 * level_N.abs() + 1e-12
