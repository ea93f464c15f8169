"""The state of a training on disk, every so many seconds, so that a kill costs no more than those."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins import CheckpointIO

from forecaster.training import nested
from forecaster.training.labelled_windows import LabelledWindows
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.stream import StreamedStretches
from forecaster.training.stretch import TrainingStretches

__all__ = ["Checkpoints", "Draws", "SafeFiles"]

Draws = TrainingStretches | StreamedStretches | LabelledWindows
"""What a training draws from; a number of them, `skip`, can be left out."""


class SafeFiles(CheckpointIO):
    """Lightning's checkpoints as safetensors and JSON."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write one."""
        nested.write(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read one."""
        found: dict[str, Any] = nested.read(Path(path))
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Delete one."""
        Path(path).unlink(missing_ok=True)


class Checkpoints(pl.Callback):
    """Writes the state, and continues from it: with the same numbers of chance and the same stretches as without a kill.

    The last callback of all, so that the others have had their say about a step.
    """

    def __init__(self, file: Path, stretches: Draws, *, seconds: float) -> None:
        self.file, self.stretches, self.seconds = file, stretches, seconds
        self._written = time.monotonic()
        self._chance: list[torch.Tensor] = []

    def on_train_batch_start(self, *_: Any) -> None:
        """Take up the numbers of chance where they were left: what goes before the first step has drawn some."""
        if self._chance:
            torch.set_rng_state(self._chance[0])
            torch.cuda.set_rng_state_all(self._chance[1:])
            self._chance = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write, if it is time to: not before the length of the run is decided, and not at its end."""
        going = FIXED_STEPS <= trainer.global_step < trainer.fit_loop.epoch_loop.max_steps and not trainer.should_stop
        if going and time.monotonic() - self._written >= self.seconds:
            trainer.save_checkpoint(self.file)
            self._written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What no other part knows."""
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"chance": [torch.get_rng_state(), *devices]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from it."""
        self._chance = state["chance"]

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Stretches that were trained on are drawn again, and left out."""
        self.stretches.skip = checkpoint["global_step"]
