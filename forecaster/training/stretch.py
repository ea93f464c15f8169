"""What training and validation read: stretches with a weight for every target."""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from itertools import count

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import Batch, gather
from forecaster.panel.cutoffs import Stretches
from forecaster.panel.panel import Panel, unrest
from forecaster.scales.base import LEAST
from forecaster.training.curriculum import Curriculum
from forecaster.training.how import Errors, Training

__all__ = ["HeldOut", "HeldOutWindows", "Stretch", "TrainingStretches", "weighted"]

_MOST_UNREST = 10.0


@dataclass(frozen=True)
class Stretch:
    """A batch, the weight of each target, and which series it came from."""

    batch: Batch
    weight_BTH: Tensor
    series_B: Tensor
    continues: bool = False
    """Whether it continues where the stretch before ended, with the same series in each row."""

    def rows(self, some: slice) -> "Stretch":
        """Some of its rows."""
        return Stretch(self.batch.rows(some), self.weight_BTH[some], self.series_B[some], self.continues)

    def to(self, device: str | torch.device) -> "Stretch":
        """The same on a device."""
        return Stretch(self.batch.to(device), self.weight_BTH.to(device), self.series_B.to(device), self.continues)


class TrainingStretches(IterableDataset[Stretch]):
    """Endless random stretches; only targets before `ends_S` count, and none in the warm-up of a stretch.

    Shapes: ends_S [S]
    """

    def __init__(
        self, panel: Panel, ends_S: Tensor, curriculum: Curriculum, training: Training, *, window: int, horizon: int
    ) -> None:
        self.panel, self.ends_S, self.curriculum, self.training = panel, ends_S, curriculum, training
        self.window, self.horizon = window, horizon
        self.generator = torch.Generator().manual_seed(training.seed)
        self.skip = 0
        """Draws to skip, because a training that continues has already seen them."""

    def __iter__(self) -> Iterator[Stretch]:
        buckets: dict[int, tuple[Stretches, ...]] = {}
        for draw in count():
            steps = self.curriculum.steps(draw, self.training.stretch)
            if steps not in buckets:
                buckets[steps] = self._buckets(steps)
            source = self._one(buckets[steps])
            rows = max(1, self.training.rows * self.training.stretch // source.steps)
            series_B, first_B = source.draw(rows, self.generator)
            if draw >= self.skip:
                yield self._gathered(series_B, first_B, source.steps)

    def _buckets(self, steps: int) -> tuple[Stretches, ...]:
        if self.training.buckets > 1:
            return Stretches.buckets(self.ends_S, steps, self.training.buckets)
        return (Stretches.by_length(self.ends_S, steps),)

    def _one(self, buckets: tuple[Stretches, ...]) -> Stretches:
        """A random bucket for this step."""
        if len(buckets) == 1:
            return buckets[0]
        shares = torch.tensor([bucket.share for bucket in buckets])
        return buckets[int(torch.multinomial(shares, 1, generator=self.generator))]

    def _gathered(self, series_B: Tensor, first_B: Tensor, steps: int) -> Stretch:
        batch = gather(
            self.panel,
            series_B,
            first_B,
            steps,
            window=self.window,
            horizon=self.horizon,
            ends_B=self.ends_S[series_B],
        )
        step_T = torch.arange(steps, device=self.panel.device)
        warm_BT = (first_B[:, None] == 0) | (step_T >= min(self.training.warmup, steps // 4))
        return Stretch(batch, weighted(batch, warm_BT, self.training.errors), series_B)


class HeldOut(IterableDataset[Stretch]):
    """The held-out last part of some series, for forecasts from the last training row on.

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


def weighted(batch: Batch, counted_BT: Tensor, errors: Errors) -> Tensor:
    """Weights: 1 for each observed target whose cutoff counts, else 0; times the volatility for `errors="own"`."""
    # Before a series has moved its spread is zero, and an error in such units means nothing.
    moved_BT = batch.spread_BT > 1e-8 * batch.level_BT.abs() + 10 * LEAST
    counted_BT = counted_BT & batch.real_BT & moved_BT
    weight_BTH = (batch.targets_seen_BTH & counted_BT[..., None]).float()
    if errors != "own":
        return weight_BTH
    return weight_BTH * unrest(batch.steps_BTI).clamp(1 / _MOST_UNREST, _MOST_UNREST)[..., None]
