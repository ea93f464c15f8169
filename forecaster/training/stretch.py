"""What training reads: random stretches, with a weight for every target."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import Batch, gather
from forecaster.panel.cutoffs import Stretches
from forecaster.panel.panel import Panel, unrest
from forecaster.scales.base import LEAST
from forecaster.training.curriculum import Curriculum
from forecaster.training.settings import Errors, Training

__all__ = ["Stretch", "TrainingStretches", "weighted"]

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


def weighted(batch: Batch, counted_BT: Tensor, errors: Errors) -> Tensor:
    """Weights: 1 for each observed target whose cutoff counts, else 0; times the volatility for `errors="own"`."""
    # Before a series has moved its spread is zero, and an error in such units means nothing.
    moved_BT = batch.spread_BT > 1e-8 * batch.level_BT.abs() + 10 * LEAST
    counted_BT = counted_BT & batch.real_BT & moved_BT
    weight_BTH = (batch.targets_seen_BTH & counted_BT[..., None]).float()
    if errors != "own":
        return weight_BTH
    return weight_BTH * unrest(batch.steps_BTI).clamp(1 / _MOST_UNREST, _MOST_UNREST)[..., None]
