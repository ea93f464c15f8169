"""Causal running statistics of packed series: one cumulative sum, never a loop over time.

Shapes:  values and masks are flat [N], the series end to end; `starts_N` is each row's series start
Missing: rows where `seen` is False count for nothing
"""

import torch
from torch import Tensor

__all__ = ["expanding_mean", "last_seen", "trailing_mean"]


def trailing_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor, steps: int) -> Tensor:
    """Mean of the seen values among the last `steps` up to and including each row; 0 before any."""
    rows_N = torch.arange(len(x_N), device=x_N.device)
    return _mean(x_N, seen_N, starts_N, torch.maximum(rows_N + 1 - steps, starts_N))


def expanding_mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> Tensor:
    """Mean of all seen values of the series up to and including each row; 0 before any."""
    return _mean(x_N, seen_N, starts_N, starts_N)


def last_seen(seen_N: Tensor, starts_N: Tensor) -> Tensor:
    """Row of the latest seen value at or before each row of the same series, -1 before any."""
    rows_N = torch.arange(len(seen_N), device=seen_N.device)
    latest_N = torch.where(seen_N, rows_N, -1).cummax(0).values
    return torch.where(latest_N >= starts_N, latest_N, -1)


def _mean(x_N: Tensor, seen_N: Tensor, starts_N: Tensor, from_N: Tensor) -> Tensor:
    # Each series is divided by its own largest value first: a running sum over all series then keeps its
    # precision in a panel where one counts in billions and another in thousandths.
    peak_N = _peak(x_N, seen_N, starts_N)
    parts_N = torch.where(seen_N, x_N / peak_N, 0.0)
    sums_N1, counts_N1 = _cumulated(parts_N), _cumulated(seen_N.to(torch.float64))
    sums_N = sums_N1[1:] - sums_N1[from_N]
    counts_N = counts_N1[1:] - counts_N1[from_N]
    return torch.where(counts_N > 0, sums_N / counts_N.clamp(min=1) * peak_N, 0.0)


def _cumulated(x_N: Tensor) -> Tensor:
    return torch.cat([x_N.new_zeros(1), x_N.cumsum(0)])


def _peak(x_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> Tensor:
    size_N = torch.where(seen_N, x_N.abs(), 0.0)
    peak_N = torch.zeros_like(size_N).scatter_reduce(0, starts_N, size_N, "amax")[starts_N]
    return torch.where(peak_N > 0, peak_N, 1.0)
