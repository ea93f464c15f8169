"""Statistics of trailing windows that running sums cannot give; exact, and in bounded memory.

Shapes:  values and masks are flat [N], the series end to end; `starts_N` is each row's series start
Missing: rows with `seen` False are ignored
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from pandas.api.indexers import BaseIndexer
from torch import Tensor

__all__ = ["trailing_deviation", "trailing_quantile"]

_VALUES_AT_ONCE = 2_000_000


def trailing_quantile(y_N: Tensor, seen_N: Tensor, starts_N: Tensor, steps: int, level: float) -> Tensor:
    """Quantile of the known values among the last `steps`, linearly interpolated; 0 before the first."""
    # A skip list on the CPU: sorting each window takes thirty times as long.
    first = torch.maximum(torch.arange(len(y_N), device=y_N.device) + 1 - steps, starts_N).cpu().numpy()
    seen = pd.Series(torch.where(seen_N, y_N, torch.nan).cpu().numpy())
    found = seen.rolling(_Since(first=first), min_periods=1).quantile(level)
    return torch.nan_to_num(torch.tensor(found.to_numpy())).to(y_N.device)


class _Since(BaseIndexer):
    """Windows from each row's `first` up to and including the row."""

    first: Any

    def get_window_bounds(  # pandas compares the names
        self, num_values: int = 0, min_periods: Any = None, center: Any = None, closed: Any = None, step: Any = None
    ) -> tuple[Any, Any]:
        return self.first, np.arange(1, num_values + 1)


def trailing_deviation(y_N: Tensor, seen_N: Tensor, starts_N: Tensor, mean_N: Tensor, steps: int) -> Tensor:
    """Root mean square distance of the known values among the last `steps` from each row's `mean_N`; 0 before any."""
    # Each window is summed anew: running sums of squares lose deviations that are small relative to the level.
    ahead = (steps - 1, 0)
    y_L, seen_L = torch.nn.functional.pad(y_N, ahead), torch.nn.functional.pad(seen_N, ahead)
    place_W = torch.arange(1 - steps, 1, device=y_N.device)
    parts = []
    for rows in torch.split(torch.arange(len(y_N), device=y_N.device), max(1, _VALUES_AT_ONCE // steps)):
        part = slice(int(rows[0]), int(rows[-1]) + steps)
        counted = seen_L[part].unfold(0, steps, 1) & (rows[:, None] + place_W >= starts_N[rows, None])
        squares = (y_L[part].unfold(0, steps, 1) - mean_N[rows, None]).square().where(counted, 0.0)
        parts.append((squares.sum(1) / counted.sum(1).clamp(min=1)).sqrt())
    return torch.cat(parts)
