"""A ring buffer of the last rows of some series, with running sums of all rows before: scales and fills row by row."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from forecaster.panel.beside import LAGS, Beside
from forecaster.panel.panel import Panel, restless_now
from forecaster.scales.base import Scale
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Ring"]


@dataclass
class Ring:
    """Recent rows and running statistics of some series; in numpy, since torch takes thrice as long for one series.

    Shapes:  R rows kept; M steps of the longest season
    Missing: NaN values are filled as `layers.fill` does
    """

    y_BR: Floats
    seen_BR: Bools
    begun_BR: Bools
    rows_B: Ints
    """Number of rows of each series so far."""
    held_B: Floats
    """The last observed value."""
    age_B: Ints
    """Rows since that value."""
    phase_BM: Floats
    """The last observed value in each phase of the season."""
    known_BM: Bools
    total_B: Floats
    """Sum and count of what the scale averages over the whole past."""
    counted_B: Floats
    spreads_B: Floats
    """Sum of the spreads of all rows."""

    @classmethod
    def empty(cls, series: int, size: int, season: int) -> "Ring":
        """The state before the first row."""
        nothing = np.zeros((series, size), bool)
        phases = np.zeros((series, season))
        none, zero = np.zeros(series, np.int64), np.zeros(series)
        return cls(
            np.zeros((series, size)),
            nothing,
            nothing.copy(),
            none,
            zero,
            none.copy(),
            phases,
            phases.astype(bool),
            zero.copy(),
            zero.copy(),
            zero.copy(),
        )

    @classmethod
    def of(cls, panel: Panel, scale: Scale, size: int, season: int) -> "Ring":
        """The state after the last row of each series of a panel on the CPU."""
        parts = (panel.y_N, panel.seen_N, panel.spread_N, panel.starts_S, panel.lengths_S, panel.begins_S)
        y_N, seen_N, spread_N, starts_S, lengths_S, begins_S = (part.numpy() for part in parts)
        at_BR = lengths_S[:, None] + np.arange(-size, 0)
        rows_BR = starts_S[:, None] + at_BR.clip(min=0)
        owner_N, row_N = np.repeat(np.arange(panel.series), lengths_S), np.arange(len(y_N))
        position_N = row_N - starts_S[owner_N]
        usual_N, counted_N = scale.usual(y_N, np.roll(y_N, 1), seen_N, np.roll(seen_N, 1) & (position_N > 0))
        last_S = np.full(panel.series, -1)
        last_S[owner_N[seen_N]] = row_N[seen_N]  # for repeated indices, the last assignment wins
        none_S = last_S < 0

        def summed(values_N: npt.NDArray[Any]) -> Floats:
            return np.bincount(owner_N, values_N.astype(np.float64), panel.series).astype(np.float64)

        return cls(
            y_N[rows_BR],
            seen_N[rows_BR] & (at_BR >= 0),
            at_BR >= begins_S[:, None],
            lengths_S.copy(),
            np.where(none_S, 0.0, y_N[last_S.clip(min=0)]),
            np.where(none_S, lengths_S, starts_S + lengths_S - 1 - last_S),
            *_phases(y_N, owner_N, position_N % season, np.flatnonzero(seen_N), (panel.series, season)),
            summed(np.where(counted_N, usual_N, 0.0)),
            summed(counted_N),
            summed(spread_N),
        )

    def push(self, values_B: Floats, scale: Scale) -> None:
        """One more row of each series; NaN where there is no value."""
        seen_B, season = ~np.isnan(values_B), self.phase_BM.shape[1]
        self.age_B = np.where(seen_B, 0, self.age_B + 1)
        self.held_B = np.where(seen_B, values_B, self.held_B)
        place = np.arange(len(values_B)), self.rows_B % season
        same_B, known_B = self.phase_BM[place], self.known_BM[place]
        repeats_B = known_B & (self.age_B > season // 4) & (season >= 4)
        y_B = np.where(seen_B, values_B, np.where(repeats_B, same_B, self.held_B))
        self.phase_BM[place], self.known_BM[place] = np.where(seen_B, values_B, same_B), known_B | seen_B
        usual_B, counted_B = scale.usual(y_B, self.y_BR[:, -1], seen_B, self.seen_BR[:, -1])
        self.total_B = self.total_B + np.where(counted_B, usual_B, 0.0)
        self.counted_B = self.counted_B + counted_B
        self.begun_BR = _pushed(self.begun_BR, self.begun_BR[:, -1] | seen_B)
        self.y_BR, self.seen_BR = _pushed(self.y_BR, y_B), _pushed(self.seen_BR, seen_B)
        self.rows_B = self.rows_B + 1

    def units(self, scale: Scale) -> tuple[Floats, Floats, Floats]:
        """Level and spread at the newest row, [B], and how restless a series is, [B, RESTLESS]; once for each row."""
        mean_B = self.total_B / np.maximum(self.counted_B, 1)
        level_B, spread_B = scale.newest(self.y_BR, self.seen_BR, mean_B)
        self.spreads_B = self.spreads_B + spread_B
        return level_B, spread_B, restless_now(level_B, spread_B, self.spreads_B / self.rows_B)

    def windows(self, window: int) -> tuple[Tensor, Tensor]:
        """The last values at the newest row, and which of them lie in the series: [B, 1, W] each."""
        y, begun = (torch.from_numpy(part[:, None, -window:]) for part in (self.y_BR, self.begun_BR))
        return y, begun

    def beside(self, level_B: Tensor, spread_B: Tensor, targets: int) -> Beside:
        """What the targets of each series see of each other; all of them, in their order, one series after the other."""
        short = max(0, LAGS - self.y_BR.shape[1])
        parts = (torch.from_numpy(part[:, -LAGS:]) for part in (self.y_BR, self.begun_BR))
        lags_BL, known_BL = (torch.nn.functional.pad(part, (short, 0)) for part in parts)

        def each(values: Tensor) -> Tensor:
            """Of every target of a series, for each of them: [B, ...] -> [B, C, 1, ...]"""
            return values.reshape(-1, targets, *values.shape[1:]).repeat_interleave(targets, 0)[:, :, None]

        place_B = torch.arange(targets).repeat(len(level_B) // targets)
        return Beside(each(lags_BL), each(known_BL), each(level_B), each(spread_B), place_B)


def _pushed(ring_BR: npt.NDArray[Any], new_B: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([ring_BR[:, 1:], new_B[:, None]], 1)


def _phases(y_N: Floats, owner_N: Ints, phase_N: Ints, seen: Ints, shape: tuple[int, int]) -> tuple[Floats, Bools]:
    """Last value that was seen in each phase, and whether there is one: [S, M], [S, M]"""
    values, known = np.zeros(shape), np.zeros(shape, bool)
    place = owner_N[seen], phase_N[seen]
    values[place], known[place] = y_N[seen], True  # for repeated indices, the last assignment wins
    return values, known
