"""Packed series on a device: flat values, masks and offsets, no padding and no per-series objects."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from forecaster.layers.fill import filled
from forecaster.layers.running import expanding_mean
from forecaster.panel.beside import siblings
from forecaster.panel.features import Features
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["RESTLESS", "Measure", "Panel", "pack", "restless", "restless_now", "unrest"]

RESTLESS = 2
"""Features of each row that say how restless its series is; the last ones."""

_ROWS_AT_ONCE = 32_768
_FLATTER = 3.0
"""Logarithms of how restless a series is are divided by this, to have the size of other features."""

Measure = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Values, mask and series starts, each [N] -> level and spread of every row, each [N] (a scale's `measure`)."""


@dataclass(frozen=True)
class Panel:
    """All series of a grid, with their causal units at every row.

    Shapes:  S series; N rows in all; the other letters stand in `panel.batch`
    Missing: `seen_N` is False, and `y_N` holds a causal stand-in
    """

    y_N: Tensor
    """float64"""
    seen_N: Tensor
    level_N: Tensor
    """float64, known at each row"""
    spread_N: Tensor
    """float64, known at each row"""
    starts_S: Tensor
    """First row of each series."""
    lengths_S: Tensor
    begins_S: Tensor
    """Position of the first seen value of each series; its length where there is none."""
    steps_NI: Tensor
    """Features of each row itself, float32."""
    ahead_MF: Tensor
    """Known-future features, float32."""
    ahead_starts_S: Tensor
    ahead_lengths_S: Tensor
    static_SK: Tensor
    numbers_S: Tensor
    """Steps from 1970-01-01 to the first row of each series."""
    beside_SC: Tensor
    """The series that are the targets of the same rows, -1 for none; C is 0 where each target is by itself."""
    place_S: Tensor
    """Which of them each series is."""

    @property
    def series(self) -> int:
        """Number of series."""
        return len(self.starts_S)

    @property
    def device(self) -> torch.device:
        """Where the values lie."""
        return self.y_N.device


def pack(
    grid: Grid,
    measure: Measure,
    features: Features,
    *,
    season: int,
    begins: Ints | None = None,
    device: str | torch.device = "cpu",
) -> Panel:
    """The panel of a grid, in the units that `measure` finds.

    Shapes: begins [S]: no cutoff before this position will be read, so features are made only from there on
    """
    y_N = torch.as_tensor(grid.y, dtype=torch.float64).to(device)
    lengths_S = torch.as_tensor(grid.lengths).to(device)
    starts_S = torch.as_tensor(grid.offsets[:-1].copy()).to(device)
    seen_N = ~torch.isnan(y_N)
    starts_N = torch.repeat_interleave(starts_S, lengths_S)
    if not bool(seen_N.all()):
        y_N = filled(torch.nan_to_num(y_N), seen_N, starts_N, season)
    level_N, spread_N = _measured(measure, y_N, seen_N, starts_N, grid.offsets)
    steps, ahead, static = features.of(grid, begins)
    everywhere_N = torch.ones_like(seen_N)
    restless_N2 = restless(level_N, spread_N, expanding_mean(spread_N, everywhere_N, starts_N))
    beside_SC, place_S = siblings(grid, features.joint) if features.joint else _alone(grid.series)
    return Panel(
        y_N=y_N,
        seen_N=seen_N,
        level_N=level_N,
        spread_N=spread_N,
        starts_S=starts_S,
        lengths_S=lengths_S,
        begins_S=_begins(seen_N, starts_S, lengths_S),
        steps_NI=torch.cat([torch.as_tensor(steps).to(device), restless_N2], 1),
        ahead_MF=torch.as_tensor(ahead).to(device),
        ahead_starts_S=torch.as_tensor(grid.covariate_starts.copy()).to(device),
        ahead_lengths_S=torch.as_tensor(grid.covariate_lengths.copy()).to(device),
        static_SK=torch.as_tensor(static).to(device),
        numbers_S=torch.as_tensor(grid.frequency.numbers(grid.starts)).to(device),
        beside_SC=torch.as_tensor(beside_SC).to(device),
        place_S=torch.as_tensor(place_S).to(device),
    )


def _alone(series: int) -> tuple[Ints, Ints]:
    return np.zeros((series, 0), np.int64), np.zeros(series, np.int64)


def restless(level: Tensor, spread: Tensor, usual: Tensor) -> Tensor:
    """The size of a step relative to the level, and relative to the mean of the spreads so far.

    The same window shape means different things in a quiet and in a restless series.

    Shapes: [...], [...], [...] -> [..., RESTLESS] float32
    """
    return torch.stack([spread / (level.abs() + spread), spread / usual], -1).log().float() / _FLATTER


def restless_now(level: Floats, spread: Floats, usual: Floats) -> Floats:
    """The same for plain arrays, float64."""
    return np.asarray(np.log([spread / (np.abs(level) + spread), spread / usual])).T / _FLATTER


def unrest(steps: Tensor) -> Tensor:
    """Size of a step relative to the mean of the spreads so far, from a row's features. Shapes: [..., I] -> [...]"""
    return (_FLATTER * steps[..., -1]).exp()


def _measured(measure: Measure, y_N: Tensor, seen_N: Tensor, starts_N: Tensor, offsets: Ints) -> tuple[Tensor, Tensor]:
    """Level and spread of every row, a few series at a time, so that the sums stay in the processor's cache."""
    most = _ROWS_AT_ONCE if y_N.device.type == "cpu" else len(y_N)
    if len(y_N) <= most:
        return measure(y_N, seen_N, starts_N)
    edges = offsets[np.unique(np.searchsorted(offsets, np.arange(0, len(y_N) + most, most)).clip(max=len(offsets) - 1))]
    parts = [
        measure(y_N[begin:end], seen_N[begin:end], starts_N[begin:end] - begin)
        for begin, end in pairwise(edges.tolist())
    ]
    return torch.cat([level for level, _ in parts]), torch.cat([spread for _, spread in parts])


def _begins(seen_N: Tensor, starts_S: Tensor, lengths_S: Tensor) -> Tensor:
    if bool(seen_N.all()):
        return torch.zeros_like(lengths_S)
    owner_N = torch.repeat_interleave(torch.arange(len(starts_S), device=seen_N.device), lengths_S)
    position_N = torch.arange(len(seen_N), device=seen_N.device) - starts_S[owner_N]
    return lengths_S.scatter_reduce(0, owner_N, torch.where(seen_N, position_N, lengths_S[owner_N]), "amin")
