"""Parts of spreads: steps between neighbours, and a trailing mean with a floor that a quiet spell cannot pass.

Shapes:  values and masks are flat [N], the series end to end; `starts_N` is each row's series start
Missing: rows with `seen` False are ignored
"""

from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from forecaster.layers.running import expanding_mean, trailing_mean
from forecaster.scales.base import LEAST
from forecaster.series.grid import Bools, Floats

__all__ = ["before", "floored_mean", "latest_mean", "latest_move", "moves", "tiny"]

Level = TypeVar("Level", Tensor, Floats)


def moves(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """Absolute steps between neighbours of one series, and where both values are known."""
    before_N, known_N = before(y_N, seen_N, starts_N)
    return (y_N - before_N).abs(), known_N


def before(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """The value before each one, and where both are known and of the same series."""
    inside_N = torch.arange(len(y_N), device=y_N.device) > starts_N
    return y_N.roll(1), seen_N & seen_N.roll(1) & inside_N


def floored_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor, steps: int, floor: float) -> Tensor:
    """Trailing mean, but at least `floor` times the mean of all the past."""
    least_N = floor * expanding_mean(x_N, seen_N, starts_N)
    return torch.maximum(trailing_mean(x_N, seen_N, starts_N, steps), least_N)


def latest_mean(x_BR: Floats, seen_BR: Bools, steps: int) -> Floats:
    """Mean of the known values among the last `steps`; 0 if there is none. Shapes: [B, R], [B, R] -> [B]"""
    x, seen = x_BR[:, -steps:], seen_BR[:, -steps:]
    if seen.all():
        return np.asarray(x.sum(1) / max(1, x.shape[1]))
    return np.asarray(np.where(seen, x, 0.0).sum(1) / np.maximum(seen.sum(1), 1))


def latest_move(y_BR: Floats, seen_BR: Bools, steps: int) -> Floats:
    """Mean absolute step between neighbours among the last `steps` steps. Shapes: [B, R], [B, R] -> [B]"""
    y, seen = y_BR[:, -(steps + 1) :], seen_BR[:, -(steps + 1) :]
    moved = y[:, 1:] - y[:, :-1]
    return latest_mean(np.abs(moved, out=moved), seen[:, 1:] & seen[:, :-1], steps)


def tiny(level_N: Level) -> Level:
    """A tiny, positive spread for series that have not moved yet."""
    return 1e-9 * abs(level_N) + LEAST
