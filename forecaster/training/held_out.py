"""What validation and calibration read: the held-out last part of some series, whole or in single windows."""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import gather
from forecaster.panel.panel import Panel
from forecaster.series.frequency import Ints
from forecaster.training.plan import Plan
from forecaster.training.settings import Errors
from forecaster.training.stretch import Stretch, weighted

__all__ = ["HeldOut", "HeldOutWindows", "held_out_series"]

_HELD_OUT_SERIES = 512
_DRAW = 1
"""The same series for all seeds: no training of an ensemble may learn the rows that others are judged on."""


class HeldOut(IterableDataset[Stretch]):
    """The held-out last part of some series, for forecasts from the last training row on.

    Networks read `run_in` steps before the first of these cutoffs, to warm up their state. A stretch gives about `values`
    forecast values at most.

    Shapes: series, begins and ends [series]: targets from position `begins` up to, but not including, `ends` count
    """

    def __init__(
        self,
        panel: Panel,
        series: Tensor,
        begins: Tensor,
        ends: Tensor,
        *,
        window: int,
        horizon: int,
        run_in: int,
        values: int,
        errors: Errors = "spreads",
    ) -> None:
        self.panel, self.series, self.begins, self.ends = panel, series, begins, ends
        self.window, self.horizon, self.run_in, self.errors = window, horizon, run_in, errors
        self.values = max(values, horizon)
        self.every = 1
        """Forecasts are made from one in so many cutoffs; all of them are read."""
        self.rows = max(1, values // max(1, self.steps * horizon))

    @property
    def steps(self) -> int:
        """Number of cutoffs in a stretch, its warm-up included."""
        return int((self.ends - self.begins).max()) + self.run_in if len(self.series) else 0

    def __iter__(self) -> Iterator[Stretch]:
        step_T = torch.arange(self.steps, device=self.panel.device)
        for part in torch.split(torch.arange(len(self.series)), self.rows) if len(self.series) else ():
            series_B, begins_B, ends_B = self.series[part], self.begins[part], self.ends[part]
            first_B = (begins_B - 1 - self.run_in).clamp(min=0)
            batch = gather(
                self.panel, series_B, first_B, self.steps, window=self.window, horizon=self.horizon, ends_B=ends_B
            )
            after_BT = first_B[:, None] + step_T >= begins_B[:, None] - 1
            counted_BT = after_BT & (step_T % self.every == 0)
            yield Stretch(replace(batch, every=self.every), weighted(batch, counted_BT, self.errors), series_B)

    def thinned(self, most: int) -> "HeldOut":
        """With about `most` cutoffs at equal distances, as neighbours have similar errors; all rows are still read."""
        thinned = copy(self)
        thinned.every = max(1, int((self.ends - self.begins).sum()) // most)
        return thinned


class HeldOutWindows(IterableDataset[Stretch]):
    """Single windows of a held-out part, for models that read each window on its own.

    About `most` of them, at equal distances, since neighbours have similar errors.
    """

    def __init__(self, held_out: HeldOut, most: int) -> None:
        self.held_out, self.panel = held_out, held_out.panel
        lengths = held_out.ends - held_out.begins
        every = max(1, -(-int(lengths.sum()) // most))
        counts = -(-lengths // every)
        series, begins, self.ends = (
            part.repeat_interleave(counts) for part in (held_out.series, held_out.begins, held_out.ends)
        )
        first = (counts.cumsum(0) - counts).repeat_interleave(counts)
        self.series = series
        self.cutoffs = begins - 1 + (torch.arange(len(series), device=series.device) - first) * every

    def __iter__(self) -> Iterator[Stretch]:
        of = self.held_out
        usable = torch.arange(len(self.series), device=self.cutoffs.device)[self.cutoffs >= 0]
        for part in torch.split(usable, of.values // of.horizon) if len(usable) else ():
            series_B = self.series[part]
            batch = gather(
                self.panel,
                series_B,
                self.cutoffs[part],
                1,
                window=of.window,
                horizon=of.horizon,
                ends_B=self.ends[part],
            )
            counted_BT = torch.ones_like(batch.real_BT)
            yield Stretch(batch, weighted(batch, counted_BT, of.errors), series_B)


def held_out_series(ends: Ints, plan: Plan) -> Ints:
    """Series long enough to hold rows out: at least three times as many must remain for training."""
    usable = np.flatnonzero(ends >= 4 * plan.training.held_out)
    if len(usable) <= _HELD_OUT_SERIES:
        return usable
    return np.sort(np.random.default_rng(_DRAW).choice(usable, _HELD_OUT_SERIES, replace=False))
