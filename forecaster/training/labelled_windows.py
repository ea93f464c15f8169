"""Random windows whose newest row has a label, for training."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import gather
from forecaster.panel.panel import Panel
from forecaster.training.settings import Training
from forecaster.training.stretch import Stretch

__all__ = ["LabelledWindows"]

_ANOMALOUS = 0.25
"""Share of anomalous windows in each draw: oversampling the rare class amounts to a higher weight."""


class LabelledWindows(IterableDataset[Stretch]):
    """Endless draws of single windows. Their target is the label of the newest row: 1 anomalous, 0 normal.

    Unlabelled rows are drawn among the normal ones, `unknown` times as often as rows labelled normal: most of them are
    normal, and the ranking that is learnt is right whatever share is not.

    Shapes: marks [N]: 1, 0, NaN unknown; usable [N]: rows that may be drawn
    Source: Elkan and Noto (2008), KDD, for using unlabelled rows as negatives
    """

    def __init__(
        self, panel: Panel, marks_N: Tensor, usable_N: Tensor, training: Training, *, window: int, unknown: float
    ) -> None:
        self.panel, self.rows, self.window, self.unknown = panel, training.rows, window, unknown
        self.anomalous, self.normal, self.unlabelled = (
            torch.nonzero(usable_N & chosen_N)[:, 0] for chosen_N in (marks_N == 1, marks_N == 0, marks_N.isnan())
        )
        self.seed = training.seed
        self.generator = torch.Generator().manual_seed(self.seed)
        self.skip = 0
        """Draws to skip, because a training that continues has already seen them."""

    @property
    def both(self) -> bool:
        """Whether there are rows of both classes."""
        return len(self.anomalous) > 0 and len(self.normal) + self.unknown * len(self.unlabelled) > 0

    def __iter__(self) -> Iterator[Stretch]:
        drawn = 0
        while True:
            rows_B, mark_B = self._drawn()
            drawn += 1
            if drawn > self.skip:
                yield self._gathered(rows_B, mark_B)

    def sample(self, draws: int) -> tuple[Tensor, Tensor]:
        """Windows [m, W] and their marks [m], of the first `draws` draws."""
        self.generator.manual_seed(self.seed)
        drawn = [self._gathered(*self._drawn()).batch.y_BL for _ in range(draws)]
        y_mL = torch.cat(drawn).float()
        return y_mL[:, :-1], y_mL[:, -1]

    def _drawn(self) -> tuple[Tensor, Tensor]:
        """Randomly drawn rows of the panel, and their marks."""
        anomalous = max(1, round(_ANOMALOUS * self.rows))
        at = torch.randint(len(self.anomalous), (anomalous,), generator=self.generator)
        known, doubtful = len(self.normal), self.unknown * len(self.unlabelled)
        place = torch.rand(self.rows - anomalous, generator=self.generator, dtype=torch.float64) * (known + doubtful)
        beyond = ((place[place >= known] - known) / max(self.unknown, 1e-12)).long()
        others = [self.normal[place[place < known].long()], self.unlabelled[beyond.clamp(max=len(self.unlabelled) - 1)]]
        rows_B = torch.cat([self.anomalous[at], *others])
        return rows_B, (torch.arange(self.rows) < anomalous).double()

    def _gathered(self, rows_B: Tensor, mark_B: Tensor) -> Stretch:
        starts_S = self.panel.starts_S
        series_B = torch.searchsorted(starts_S, rows_B, right=True) - 1
        batch = gather(self.panel, series_B, rows_B - starts_S[series_B], 1, window=self.window, horizon=1)
        y_BL = torch.cat([batch.y_BL[:, :-1], mark_B[:, None]], 1)
        return Stretch(replace(batch, y_BL=y_BL), torch.ones(len(rows_B), 1, 1), series_B)
