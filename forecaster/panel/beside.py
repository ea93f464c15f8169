"""The targets of one series at the same rows: what each target may read of the others."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.errors import ArtifactError
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid

__all__ = ["LAGS", "Beside", "siblings"]

LAGS = 8
"""Newest values of each target that the others read; older ones are the encoder's to remember."""


@dataclass(frozen=True)
class Beside:
    """The newest values of all targets at each cutoff of a stretch; C targets, the stretch's own one among them.

    Shapes:  lags [B, C, T, LAGS]; units [B, C, T]
    Missing: a missing value has its stand-in; `known` is False before a series' first value, and for a target that is
        not in the input
    """

    lags_BCTL: Tensor
    known_BCTL: Tensor
    level_BCT: Tensor
    """float64"""
    spread_BCT: Tensor
    """float64"""
    place_B: Tensor
    """Which of the targets each row of the batch is."""

    def rows(self, some: slice) -> "Beside":
        """Some rows of the batch."""
        return Beside(*(value[some] for value in vars(self).values()))

    def to(self, device: str | torch.device) -> "Beside":
        """The same on a device."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items()})


def siblings(grid: Grid, targets: tuple[str, ...]) -> tuple[Ints, Ints]:
    """Series of all targets beside each series, -1 if the grid lacks one: [S, C]; and which target it is itself: [S].

    Raises: ArtifactError when a series is not one of the targets
    """
    channel: Any = [None] * grid.series if grid.channel is None else grid.channel
    known = {name: number for number, name in enumerate(targets)}
    strange = [str(name) for name in channel if name not in known]
    if strange:
        raise ArtifactError(
            f"the model was trained with --targets {','.join(targets)} together, the input has '{strange[0]}'. "
            "Give the same columns."
        )
    place = np.array([known[name] for name in channel], np.int64)
    _, owner = np.unique(grid.unique_id.astype(str), return_inverse=True)
    table = np.full((owner.max(initial=-1) + 1, len(targets)), -1)
    table[owner, place] = np.arange(grid.series)
    return table[owner], place
