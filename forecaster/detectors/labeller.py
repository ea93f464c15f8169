"""Similarity to anomalies that were labelled before."""

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
from forecaster.detectors._window_networks import FURTHEST, WindowDetector, WindowNetwork, WindowScores
from forecaster.detectors.base import Kinds
from forecaster.layers.threads import limited
from forecaster.panel.batch import Batch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["Labeller"]

_SAMPLE = 10_000
"""Number of windows that the ridge is fitted on."""


class Labeller(WindowDetector):
    """Log-odds that the newest row is an anomaly of a labelled kind, from the last window.

    A recurrent network learns from the labels of all series, and so does a ridge over random convolutions, which needs
    fewer labels; their outputs are added. Outputs become probabilities by cross-fitting: two further fits, each on half
    of the labels, are compared with the labels of the other half. How much likelier the newest row is to be anomalous
    than an average row gives a p-value that needs no calibration. So a labelled kind of anomaly is an event again,
    however often it comes and however usual it has become.

    Shapes:  scores [N, 2]: the log-odds, and -log10 of the p-value
    Missing: as in `Windowed`; an unlabelled row counts as a normal one with small weight (`unknown`)
    Fails:   on kinds that nobody labelled, which it cannot find; without labels all rows are equally likely
    Source:  focal loss, Lin et al. (2017), ICCV; isotonic regression for probabilities, Zadrozny and Elkan (2002), KDD
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(WindowDetector.Config):
        share: float = 1.0
        """As in other window detectors; 1 because labels are too few to hold some back."""
        unknown: float = 0.1
        """How often an unlabelled row is drawn as normal, relative to a row labelled normal; in [0, 1]."""
        focus: float = 2.0
        """Exponent of the focal loss: how much less rows count that are classified well already; at least 0."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 0 <= self.unknown <= 1 or self.focus < 0:
                raise ValueError("unknown must lie in [0, 1], focus must be at least 0")

    config: Config
    network: "_Network"
    view_names = ("likeness to labelled anomalies", "probability of a labelled anomaly")
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
        """Train a new network on some rows; False if not both kinds of rows are there."""
        from forecaster.training.windows import fit_labelled  # imports Lightning, which a loaded detector does not need

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
        """The network's output for each row, NaN where there is no window: [N]"""
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
        """Log-odds of an anomaly among the windows drawn for training, from the recurrent part alone: [m]"""
        _, state = self.encoder(windows_mW.clamp(-FURTHEST, FURTHEST)[..., None])
        found: Tensor = self.out(state[0])[..., 0]
        return found

    def losses(self, windows_mW: Tensor) -> Tensor:
        """The focal loss of windows, each followed by its label: [m, W + 1] -> [m]"""
        loss = binary_cross_entropy_with_logits(self.logits(windows_mW[:, :-1]), windows_mW[:, -1], reduction="none")
        return (-torch.expm1(-loss)) ** self.focus * loss

    def carried_loss(self, batch: Batch, weight_BTH: Tensor, state: Any) -> tuple[Tensor, Any]:
        return self.losses(batch.y_BL.float()).mean(), None

    def scores(self, windows_mW: Tensor) -> WindowScores:
        logits = self.logits(windows_mW) + self.kernels(windows_mW.clamp(-FURTHEST, FURTHEST))
        return WindowScores(logits, logits, torch.full_like(logits, torch.nan))
