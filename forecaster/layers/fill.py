"""Causal stand-ins for missing values, so that a window has no holes; the mask still marks them as missing."""

import torch
from torch import Tensor

from forecaster.layers.running import last_seen

__all__ = ["filled"]


def filled(y_N: Tensor, seen_N: Tensor, starts_N: Tensor, season: int) -> Tensor:
    """Values with each missing one replaced by something known before it.

    A gap shorter than a quarter of a season holds the last value; a longer one repeats the last season.

    Shapes:  [N] -> [N]
    Missing: rows before the first seen value of a series are 0; their mask keeps them out of sums
    """
    rows_N = torch.arange(len(y_N), device=y_N.device)
    held_N = last_seen(seen_N, starts_N)
    if season >= 4:
        same_phase_N = _last_seen_in_phase(seen_N, starts_N, season)
        long_ago_N = (rows_N - held_N > season // 4) & (same_phase_N >= 0)
        held_N = torch.where(long_ago_N, same_phase_N, held_N)
    return torch.where(held_N >= 0, y_N[held_N.clamp(min=0)], 0.0)


def _last_seen_in_phase(seen_N: Tensor, starts_N: Tensor, season: int) -> Tensor:
    """Like `last_seen`, among rows a whole number of seasons back."""
    rows_N = torch.arange(len(seen_N), device=seen_N.device)
    phase_N = (rows_N - starts_N) % season
    # With rows of one series and phase side by side in time order, the last seen row is a running maximum.
    group_N, order_N = torch.sort(starts_N * season + phase_N, stable=True)
    place_N = torch.empty_like(order_N)
    place_N[order_N] = rows_N
    first_N = torch.searchsorted(group_N, group_N)
    latest_N = last_seen(seen_N[order_N], first_N)
    return torch.where(latest_N >= 0, order_N[latest_N.clamp(min=0)], -1)[place_N]
