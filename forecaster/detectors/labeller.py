"""What was labelled before: how much a row looks like it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from forecaster.detectors._blocks import Held
from forecaster.detectors._log_odds import LogOdds, folds
from forecaster.detectors._random_kernels import RandomKernels
from forecaster.detectors._window_networks import FURTHEST, Told, WindowDetector, WindowNetwork
from forecaster.detectors.base import Kinds
from forecaster.layers.threads import limited
from forecaster.panel.batch import Batch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["Labeller"]

_SAMPLE = 10_000
"""Windows that the ridge is solved on."""


class Labeller(WindowDetector):
    """Log-odds that the newest row is an anomaly of a kind that was labelled, from the last window.

    A recurrent network learns from the labels of all series, and beside it a ridge over random convolutions, which needs
    fewer of them; their outputs are added. How right these are, two others each tell, by the labels that they were not shown:
    so outputs become probabilities. How much likelier a row is anomalous than any is a chance of its own: what was labelled
    is an event again, however often it comes and however usual it has become.

    Shapes:  scores [N, 2]: the log-odds, and -log10 of the chance
    Missing: as in `Windowed`; a row that nobody labelled counts little as a normal one (`unknown`)
    Fails:   on kinds that nobody labelled, of which it says nothing; without labels all rows are as likely
    Source:  focal loss, Lin et al. (2017), ICCV; isotonic regression for probabilities, Zadrozny and Elkan (2002), KDD
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(WindowDetector.Config):
        share: float = 1.0
        """As elsewhere; labels are too few to hold some back."""
        unknown: float = 0.1
        """How often a row that nobody labelled is shown as normal, beside one that is known to be; in [0, 1]."""
        focus: float = 2.0
        """Power by which rows that are told apart already count less, at least 0."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 0 <= self.unknown <= 1 or self.focus < 0:
                raise ValueError("unknown must lie in [0, 1], focus must be at least 0")

    config: Config
    network: "_Network"
    kinds = Kinds(chances=1)
    learns_labels = True

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._marks_N: Floats | None = None

    def teach(self, marks_N: Floats) -> None:
        self._marks_N = marks_N

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        begins = super().fit(grid, ends, settings)
        return begins if self.config.share < 1 else np.zeros_like(begins)

    def build(self) -> "_Network":
        return _Network(self.config.hidden, self.config.focus)

    def train(self, grid: Grid, begins: Ints, ends: Ints) -> None:
        position_N = np.arange(len(grid.y)) - np.repeat(grid.offsets[:-1], grid.lengths)
        shown_N = position_N < np.repeat(begins, grid.lengths)
        marks_N = np.full(len(grid.y), np.nan) if self._marks_N is None else np.where(shown_N, self._marks_N, np.nan)
        fold_N, raw_N = folds(grid, marks_N), np.full(len(grid.y), np.nan)
        for fold in (0, 1):
            if self._trained(grid, marks_N, shown_N & (fold_N != fold)):
                raw_N = np.where(fold_N == fold, self._raw(grid), raw_N)
        if not self._trained(grid, marks_N, shown_N):
            nn.init.zeros_(self.network.out.weight)
            nn.init.zeros_(self.network.out.bias)
        self._learnt |= LogOdds.fit(raw_N, marks_N).table()

    def _trained(self, grid: Grid, marks_N: Floats, shown_N: Bools) -> bool:
        """Train a new network on some rows; False where there are no two kinds of them."""
        from forecaster.training.windows import fit_labelled  # brings Lightning, which a loaded detector does without

        network = self.fresh()
        assert isinstance(network, _Network), "it is what is built here"
        self.network = network
        how = (self._training, self.width, self.config.unknown)
        drawn = fit_labelled(self.network, self.name, grid, marks_N, shown_N, *how)
        self.network.eval()
        if drawn is not None:
            with limited(self._training.threads):
                network.kernels.solve(*drawn.sample(_SAMPLE // drawn.rows + 1))
        return drawn is not None

    def _raw(self, grid: Grid) -> Floats:
        """What the network says of each row, NaN where there is no window: [N]"""
        unseen = np.full((1, self.width - 1), np.nan)
        parts = [self._seen({"last": unseen}, grid.values(s)[None]).whole[0] for s in range(grid.series)]
        return np.concatenate(parts)

    def scored(self, held: Held, whole: Floats, newest: Floats) -> Floats:
        known = LogOdds.from_table(self._learnt)
        return np.stack([known.of(whole), known.chance(whole)], axis=-1)


class _Network(WindowNetwork):
    def __init__(self, hidden: int, focus: float) -> None:
        super().__init__()
        self.encoder = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        self.kernels = RandomKernels()
        self.focus = focus

    def logits(self, windows_mW: Tensor) -> Tensor:
        """Log-odds of an anomaly among windows as they were drawn, by the recurrence alone: [m]"""
        _, state = self.encoder(windows_mW.clamp(-FURTHEST, FURTHEST)[..., None])
        found: Tensor = self.out(state[0])[..., 0]
        return found

    def losses(self, windows_mW: Tensor) -> Tensor:
        """Of windows after which comes their mark: [m, W + 1] -> [m]"""
        loss = binary_cross_entropy_with_logits(self.logits(windows_mW[:, :-1]), windows_mW[:, -1], reduction="none")
        return (-torch.expm1(-loss)) ** self.focus * loss

    def carried_loss(self, batch: Batch, weight_BTH: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.losses(batch.y_BL.float()).mean(), None

    def told(self, windows_mW: Tensor) -> Told:
        logits = self.logits(windows_mW) + self.kernels(windows_mW.clamp(-FURTHEST, FURTHEST))
        return Told(logits, logits, torch.full_like(logits, torch.nan))
