"""Training on series read from their first row to their last, in stretches that continue each other."""

from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import gather
from forecaster.panel.panel import Panel
from forecaster.training.settings import Training
from forecaster.training.stretch import Stretch, weighted

__all__ = ["StreamedStretches"]

_SHUFFLE = 0.2
"""Random noise on the lengths by which series are grouped, so that each pass over the data makes different groups."""


class StreamedStretches(IterableDataset[Stretch]):
    """Groups of series of similar length, each read stretch by stretch; a pass sees every cutoff once.

    All series of a group begin and end together, so that the model's state is reset for all of them at once.

    Shapes: ends_S [S]: only targets before these positions count
    Source:  truncated back-propagation through time, Williams and Peng (1990)
    """

    def __init__(self, panel: Panel, ends_S: Tensor, training: Training, *, window: int, horizon: int) -> None:
        self.panel, self.ends_S, self.training = panel, ends_S, training
        self.window, self.horizon = window, horizon
        self.generator = torch.Generator().manual_seed(training.seed)
        self.skip = 0
        """Stretches to skip, because a training that continues has already seen them."""

    def __iter__(self) -> Iterator[Stretch]:
        for group, first in islice(self._places(), self.skip, None):
            yield self._gathered(group, first)

    def _places(self) -> Iterator[tuple[Tensor, int]]:
        """The series and the first row of each stretch, pass after pass without an end."""
        while True:
            for group in self._groups():
                longest = int(self.ends_S[group].max()) - 1
                yield from ((group, first) for first in range(0, longest, self.training.stretch))

    def _groups(self) -> list[Tensor]:
        """All series that have a target, grouped by similar length, in random order."""
        usable = torch.nonzero(self.ends_S > 1)[:, 0]
        blur = torch.randn(len(usable), generator=self.generator).to(usable.device)
        order = usable[torch.argsort(self.ends_S[usable].log() + _SHUFFLE * blur)]
        groups = torch.split(order, self.training.rows)
        return [groups[number] for number in torch.randperm(len(groups), generator=self.generator).tolist()]

    def _gathered(self, series_B: Tensor, first: int) -> Stretch:
        first_B, ends_B = torch.full_like(series_B, first), self.ends_S[series_B]
        steps = self.training.stretch
        batch = gather(self.panel, series_B, first_B, steps, window=self.window, horizon=self.horizon, ends_B=ends_B)
        return Stretch(
            batch, weighted(batch, torch.ones_like(batch.real_BT), self.training.errors), series_B, continues=first > 0
        )
