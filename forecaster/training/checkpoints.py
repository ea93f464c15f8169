"""Saves the state of a training every few seconds, so that a killed run loses no more than those."""

import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins import CheckpointIO

from forecaster.training import nested, workers
from forecaster.training.labelled_windows import LabelledWindows
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.stream import StreamedStretches
from forecaster.training.stretch import TrainingStretches
from forecaster.training.writing import writing

__all__ = ["Checkpoints", "Draws", "SafeFiles"]

Draws = TrainingStretches | StreamedStretches | LabelledWindows
"""The source of random stretches; `skip` says how many draws to leave out."""


class SafeFiles(CheckpointIO):
    """Reads and writes Lightning's checkpoints as safetensors and JSON."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write one. Raises: ConfigError if it cannot be written"""
        with writing(Path(path).parent, "a checkpoint"):
            nested.write(checkpoint, Path(path))

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """Read one."""
        found: dict[str, Any] = workers.read_by_first(lambda: nested.read(Path(path)))
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Delete one."""
        Path(path).unlink(missing_ok=True)


class Checkpoints(pl.Callback):
    """Writes the state and continues from it, with the same random numbers and stretches as an unbroken run.

    It must be the last callback, so that the others have finished with a step before it is saved.
    """

    def __init__(self, file: Path, stretches: Draws, *, seconds: float) -> None:
        self.file, self.stretches, self.seconds = file, stretches, seconds
        self._written = time.monotonic()
        self._chance: list[list[torch.Tensor]] = []

    def on_train_batch_start(self, *_: Any) -> None:
        """Restore the random state here, because what runs before the first step has drawn from it."""
        if workers.number() < len(self._chance):
            processor, *gpu = self._chance[workers.number()]
            torch.set_rng_state(processor)
            for state in gpu if torch.cuda.is_available() else ():
                torch.cuda.set_rng_state(state)
        self._chance = []

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Write if it is due: not before the length of the run is decided, and not at its end."""
        going = FIXED_STEPS <= trainer.global_step < trainer.fit_loop.epoch_loop.max_steps and not trainer.should_stop
        if going and workers.of_first(time.monotonic() - self._written) >= self.seconds:
            trainer.save_checkpoint(self.file)
            self._written = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """The random state of each worker, on the processor and on its GPU, which no other callback saves."""
        gpu = [torch.cuda.get_rng_state()] if torch.cuda.is_available() else []
        return {"chance": workers.gathered([torch.get_rng_state(), *gpu])}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from it."""
        self._chance = state["chance"]

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Skip the stretches that were already trained on."""
        self.stretches.skip = checkpoint["global_step"]
