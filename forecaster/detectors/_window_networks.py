"""Detectors that judge the newest window with a neural network."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from forecaster import options
from forecaster.detectors._blocks import Held
from forecaster.detectors._windows import Seen, Windowed
from forecaster.errors import ConfigError
from forecaster.layers.threads import limited
from forecaster.panel.batch import Batch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid
from forecaster.training.settings import Training
from forecaster.training.trainable import Trainable

__all__ = ["FURTHEST", "WindowDetector", "WindowNetwork", "WindowScores"]

FURTHEST = 8.0
"""Inputs of a network are clipped to this many deviations; errors are those of the unclipped values."""
_WINDOWS_AT_ONCE = 4_096
_NEEDLESS = ("held_out", "snapshots", "stream", "warmup")
"""Training settings that do not apply to windows."""
_WEIGHTS = "network.safetensors"


@dataclass(frozen=True)
class WindowScores:
    """How strange windows are to a network; NaN where it says nothing. Shapes: [m] each"""

    whole: Tensor
    """Of all values of a window."""
    newest: Tensor
    """Of its newest value."""
    expected: Tensor
    """The newest value as the network expects it."""


class WindowNetwork(Trainable):
    """A network that reads whole windows in the units of their series."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("unit_H", torch.ones(1))

    @abstractmethod
    def losses(self, windows_mW: Tensor) -> Tensor:
        """The training loss of each window: [m, W] -> [m]"""

    @abstractmethod
    def scores(self, windows_mW: Tensor) -> WindowScores:
        """Scores and expected values of windows."""

    def next_value(self, windows_mW: Tensor) -> Tensor | None:
        """Expected value after each window: [m]; None from a network that does not forecast."""
        return None

    def carried_loss(self, batch: Batch, weight_BTH: Tensor, state: Any) -> tuple[Tensor, Any]:
        whole_BT = batch.lags_begun_BTW.all(-1) & (weight_BTH[..., 0] > 0)
        if not bool(whole_BT.any()):
            return 0.0 * torch.stack([weight.sum() for weight in self.parameters()]).sum(), None
        return self.losses(batch.lags_BTW[whole_BT].float()).mean(), None


class WindowDetector(Windowed):
    """One network for all series, trained on the windows of the first training rows; the rest decides when to stop.

    The same seed gives the same weights; `--set training.seed=2`, `--set steps=1000`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Windowed.Config):
        window: int = 32
        """Rows of a window, at least 8; short, as recurrent networks learn short windows sooner."""
        hidden: int = 32
        """Width of the recurrent layers, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.hidden < 1:
                raise ValueError("hidden must be at least 1")

    config: Config
    network: WindowNetwork
    trains = True

    @abstractmethod
    def build(self) -> WindowNetwork:
        """The untrained network."""

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        needless = sorted(set(_NEEDLESS) & {key.removeprefix("training.") for key in settings})
        if needless:
            raise ConfigError(
                f"--set {needless[0]}: detector '{self.name}' reads single windows, which has no use for it."
            )
        asked = {"lr": 0.01, "validations": 10, "patience": 4, **settings}
        self._training = options.make(Training, options.sort(asked, {"training": Training})["training"])
        super().fit(grid, ends, settings)
        return (ends * self.config.share).astype(np.int64)

    def learn_together(self, rows: list[Floats], grid: Grid) -> None:
        self.network = self.fresh()
        ends = np.array([len(z_T) for z_T in rows])
        y = np.full(len(grid.y), np.nan)
        for begin, z_T in zip(grid.offsets, rows, strict=False):
            y[begin : begin + len(z_T)] = z_T
        self.train(replace(grid, y=y), (ends * self.config.share).astype(np.int64), ends)
        self.network.eval()

    def fresh(self) -> WindowNetwork:
        """The untrained network, initialised with the seed."""
        with torch.random.fork_rng():
            torch.manual_seed(self._training.seed)
            return self.build()

    def train(self, grid: Grid, begins: Ints, ends: Ints) -> None:
        """Train on the windows that end before `begins`; rows from there to `ends` serve early stopping. Shapes: [S]"""
        from forecaster.training.windows import fit_windows  # imports Lightning, which a loaded detector does not need

        fit_windows(self.network, self.name, grid, begins, ends, self._training, self.width)

    def lessons(self, windows_mW: Floats) -> dict[str, Array]:
        return {}

    def seen(self, held: Held, windows_nTW: Floats) -> Seen:
        windows = torch.as_tensor(windows_nTW.reshape(-1, self.width), dtype=torch.float32)
        with limited(1), torch.no_grad():
            parts = [self.network.scores(part) for part in torch.split(windows, _WINDOWS_AT_ONCE)]
            last = windows.view(*windows_nTW.shape)[:, -1]
            coming = self.network.next_value(last)
        whole, newest, expected = (
            torch.cat([getattr(part, name) for part in parts]).numpy().astype(float).reshape(windows_nTW.shape[:2])
            for name in ("whole", "newest", "expected")
        )
        after = None if coming is None else coming.numpy().astype(float)
        return Seen(whole, newest, expected, after)

    def save(self, folder: Path) -> None:
        super().save(folder)
        save_file(self.network.snapshot(), folder / _WEIGHTS)

    def load(self, folder: Path) -> None:
        super().load(folder)
        self.network = self.build()
        self.network.restore(load_file(folder / _WEIGHTS))
        self.network.eval()
