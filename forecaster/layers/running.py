"""Causal running statistics of packed series, without a loop over time.

Shapes:  values and masks are flat [N], the series end to end; `starts_N` is each row's series start
Missing: rows where `seen` is False count for nothing
"""

import torch
from torch import Tensor

__all__ = ["expanding_mean", "last_seen", "running_maximum", "trailing_mean"]


def trailing_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor, steps: int) -> Tensor:
    """Mean of the seen values among the last `steps` up to and including each row; 0 before any."""
    if bool(seen_N.all()):
        rows_N = torch.arange(1, len(x_N) + 1, device=x_N.device) - starts_N
        return _trailing_sum(x_N, starts_N, steps) / rows_N.clamp(max=steps)
    seen = torch.stack([torch.where(seen_N, x_N, 0.0), seen_N.to(x_N.dtype)])
    sums_N, counts_N = _trailing_sum(seen, starts_N, steps)
    return torch.where(counts_N > 0, sums_N / counts_N.clamp(min=1), 0.0)


def expanding_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> Tensor:
    """Mean of all seen values of the series up to and including each row; 0 before any."""
    return trailing_mean(x_N, seen_N, starts_N, len(x_N))


def _trailing_sum(x_N: Tensor, starts_N: Tensor, steps: int) -> Tensor:
    """Sum of the last `steps` values of the series up to and including each row.

    By doubling: sums of 1, 2, 4, ... rows, of which the binary digits of `steps` choose. Nothing is ever subtracted, as
    differences of one long cumulative sum would be: there a large value leaves its rounding in all later sums, those
    of other series included.

    Shapes: [..., N], [N] -> [..., N]
    """
    position_N = torch.arange(x_N.shape[-1], device=x_N.device) - starts_N
    rest = min(steps, int(position_N.max()) + 1) if len(position_N) else 0
    if rest == len(position_N):  # one series, all of it: nothing would be subtracted here either
        return x_N.cumsum(-1)
    total_N, counted = torch.zeros_like(x_N), 0
    part_N, size = x_N, 1
    while rest:
        if rest % 2:
            total_N, counted = total_N + _back(part_N, position_N, counted), counted + size
        rest //= 2
        if rest:
            part_N, size = part_N + _back(part_N, position_N, size), 2 * size
    return total_N


def last_seen(seen_N: Tensor, starts_N: Tensor) -> Tensor:
    """Row of the latest seen value at or before each row of the same series, -1 before any."""
    rows_N = torch.arange(len(seen_N), device=seen_N.device)
    latest_N = torch.where(seen_N, rows_N, -1).cummax(0).values
    return torch.where(latest_N >= starts_N, latest_N, -1)


def running_maximum(x_BL: Tensor, steps: int) -> Tensor:
    """Largest of each `steps` neighbours, by doubling. Shapes: [B, L] -> [B, L - steps + 1]"""
    size = 1
    while size < steps:
        further = min(size, steps - size)
        x_BL, size = torch.maximum(x_BL[:, :-further], x_BL[:, further:]), size + further
    return x_BL


def _back(x_N: Tensor, position_N: Tensor, rows: int) -> Tensor:
    """What lies some rows back in the same series, 0 before it."""
    return torch.where(position_N >= rows, x_N.roll(rows, -1), 0.0) if rows else x_N
