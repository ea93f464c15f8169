"""The last rows of some series, and what is kept of all the rows before them: units and stand-ins, a value at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster.panel.batch import Batch
from forecaster.panel.beside import LAGS, Beside
from forecaster.panel.panel import Panel, restless
from forecaster.scales._spread import before
from forecaster.scales.base import Scale

__all__ = ["Ring"]


@dataclass
class Ring:
    """What the newest row of some series is read in.

    Shapes:  R rows kept; M steps of the longest season
    Missing: a value that is NaN has the stand-in that `layers.fill` gives it
    """

    y_BR: Tensor
    seen_BR: Tensor
    begun_BR: Tensor
    rows_B: Tensor
    """Rows of each series so far."""
    held_B: Tensor
    """The last value that was seen."""
    age_B: Tensor
    """Rows since then."""
    phase_BM: Tensor
    """The last value that was seen in each phase of the season."""
    known_BM: Tensor
    total_B: Tensor
    """Sum, and number, of what the scale averages over all the past."""
    counted_B: Tensor
    spreads_B: Tensor
    """Sum of the spreads of all rows."""

    @classmethod
    def empty(cls, series: int, size: int, season: int) -> "Ring":
        """Before the first row."""
        nothing = torch.zeros(series, size, dtype=torch.bool)
        phases = torch.zeros(series, season, dtype=torch.float64)
        none = torch.zeros(series, dtype=torch.long)
        zero = torch.zeros(series, dtype=torch.float64)
        return cls(
            torch.zeros(series, size, dtype=torch.float64),
            nothing,
            nothing.clone(),
            none,
            zero,
            none.clone(),
            phases,
            phases.bool(),
            zero.clone(),
            zero.clone(),
            zero.clone(),
        )

    @classmethod
    def of(cls, panel: Panel, scale: Scale, size: int, season: int) -> "Ring":
        """The end of each series of a panel on the CPU."""
        ahead_R = torch.arange(-size, 0)
        at_BR = panel.lengths_S[:, None] + ahead_R
        rows_BR = panel.starts_S[:, None] + at_BR.clamp(min=0)
        starts_N = torch.repeat_interleave(panel.starts_S, panel.lengths_S)
        owner_N = torch.repeat_interleave(torch.arange(panel.series), panel.lengths_S)
        before_N, _ = before(panel.y_N, panel.seen_N, starts_N)
        inside_N = torch.arange(len(starts_N)) > starts_N
        usual_N, counted_N = scale.usual(panel.y_N, before_N, panel.seen_N, panel.seen_N.roll(1) & inside_N)
        phase_BM, known_BM = _phases(panel, owner_N, starts_N, season)
        zeros = torch.zeros(panel.series, dtype=torch.float64)
        seen_S = (torch.zeros(panel.series, dtype=torch.long) - 1).scatter_reduce(
            0, owner_N, torch.where(panel.seen_N, torch.arange(len(starts_N)), -1), "amax"
        )
        none_S = seen_S < 0
        return cls(
            panel.y_N[rows_BR],
            panel.seen_N[rows_BR] & (at_BR >= 0),
            at_BR >= panel.begins_S[:, None],
            panel.lengths_S.clone(),
            torch.where(none_S, 0.0, panel.y_N[seen_S.clamp(min=0)]),
            torch.where(none_S, panel.lengths_S, panel.starts_S + panel.lengths_S - 1 - seen_S),
            phase_BM,
            known_BM,
            zeros.scatter_add(0, owner_N, torch.where(counted_N, usual_N, 0.0)),
            zeros.scatter_add(0, owner_N, counted_N.double()),
            zeros.scatter_add(0, owner_N, panel.spread_N),
        )

    def push(self, values_B: Tensor, scale: Scale) -> None:
        """One more row of each series; NaN where there is no value."""
        seen_B, season = ~torch.isnan(values_B), self.phase_BM.shape[1]
        self.age_B = torch.where(seen_B, 0, self.age_B + 1)
        self.held_B = torch.where(seen_B, values_B, self.held_B)
        place = torch.arange(len(values_B)), self.rows_B % season
        same_B, known_B = self.phase_BM[place], self.known_BM[place]
        repeats_B = known_B & (self.age_B > season // 4) & (season >= 4)
        y_B = torch.where(seen_B, values_B, torch.where(repeats_B, same_B, self.held_B))
        self.phase_BM[place], self.known_BM[place] = torch.where(seen_B, values_B, same_B), known_B | seen_B
        usual_B, counted_B = scale.usual(y_B, self.y_BR[:, -1], seen_B, self.seen_BR[:, -1])
        self.total_B = self.total_B + torch.where(counted_B, usual_B, 0.0)
        self.counted_B = self.counted_B + counted_B
        self.y_BR, self.seen_BR = _pushed(self.y_BR, y_B), _pushed(self.seen_BR, seen_B)
        self.begun_BR = _pushed(self.begun_BR, self.begun_BR[:, -1] | seen_B)
        self.rows_B = self.rows_B + 1

    def units(self, scale: Scale) -> tuple[Tensor, Tensor]:
        """Level and spread at the newest row, [B]; once for each row."""
        mean_B = torch.where(self.counted_B > 0, self.total_B / self.counted_B.clamp(min=1), 0.0)
        level_B, spread_B = scale.newest(self.y_BR, self.seen_BR, mean_B)
        self.spreads_B = self.spreads_B + spread_B
        return level_B, spread_B

    def restless(self, level_B: Tensor, spread_B: Tensor) -> Tensor:
        """What the panel says of how restless a series is, [B, RESTLESS]"""
        return restless(level_B, spread_B, self.spreads_B / self.rows_B)

    def batch(
        self,
        level: Tensor,
        spread: Tensor,
        steps_BI: Tensor,
        static_BK: Tensor,
        number_B: Tensor,
        shape: tuple[int, int],
        targets: int = 0,
    ) -> Batch:
        """The newest row as the one cutoff of a batch. Shapes: [B], [B]; window and horizon; targets that see each other"""
        window, horizon = shape
        ahead = (0, horizon)
        pad = torch.nn.functional.pad
        return Batch(
            pad(self.y_BR[:, -window:], ahead),
            pad(self.seen_BR[:, -window:], ahead),
            pad(self.begun_BR[:, -window:], ahead, value=True),
            level[:, None],
            spread[:, None],
            steps_BI[:, None],
            steps_BI.new_zeros(len(level), 1 + horizon, 0),
            static_BK,
            number_B,
            self.seen_BR.new_ones(len(level), 1),
            window,
            horizon,
            self._beside(level, spread, targets) if targets else None,
        )

    def _beside(self, level_B: Tensor, spread_B: Tensor, targets: int) -> Beside:
        """What the targets of each series see of each other; all of them, in their order, one series after the other."""
        short = max(0, LAGS - self.y_BR.shape[1])
        lags_BL, known_BL = (torch.nn.functional.pad(x, (short, 0))[:, -LAGS:] for x in (self.y_BR, self.begun_BR))

        def each(values: Tensor) -> Tensor:
            """Of every target of a series, for each of them: [B, ...] -> [B, C, 1, ...]"""
            return values.reshape(-1, targets, *values.shape[1:]).repeat_interleave(targets, 0)[:, :, None]

        place_B = torch.arange(targets).repeat(len(level_B) // targets)
        return Beside(each(lags_BL), each(known_BL), each(level_B), each(spread_B), place_B)


def _pushed(ring_BR: Tensor, new_B: Tensor) -> Tensor:
    return torch.cat([ring_BR[:, 1:], new_B[:, None]], 1)


def _phases(panel: Panel, owner_N: Tensor, starts_N: Tensor, season: int) -> tuple[Tensor, Tensor]:
    """Last value that was seen in each phase, and whether there is one: [S, M], [S, M]"""
    values, known = np.zeros((panel.series, season)), np.zeros((panel.series, season), bool)
    seen = panel.seen_N.numpy()
    phase = ((torch.arange(len(starts_N)) - starts_N) % season).numpy()
    place = owner_N.numpy()[seen], phase[seen]
    values[place], known[place] = panel.y_N.numpy()[seen], True  # of several the last stays
    return torch.as_tensor(values), torch.as_tensor(known)
