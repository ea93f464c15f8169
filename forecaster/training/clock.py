"""The clock that keeps a training within its seconds."""

import time
from typing import Any

import pytorch_lightning as pl

from forecaster.training.module import TrainingModule
from forecaster.training.schedule import FIXED_STEPS

__all__ = ["Clock"]

_SAFE = 0.9
"""Share of the time limit that a shortened schedule plans to use."""


class Clock(pl.Callback):
    """Keeps a run within its seconds: shortens the schedule while it still can, stops it if it must.

    The length is decided once, after the steps that are the same for every length; `--steps` with the
    shortened length therefore repeats the run.
    """

    def __init__(self, max_seconds: float) -> None:
        self.max_seconds = max_seconds
        self.started = time.monotonic()
        self.shortened = False
        self.stopped = False
        self._first_step_ended = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """A shortened run that continues is as short."""
        assert isinstance(module, TrainingModule)
        if self.shortened:
            trainer.fit_loop.epoch_loop.max_steps = module.schedule.steps

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Measure, shorten, stop."""
        assert isinstance(module, TrainingModule)
        step, now = trainer.global_step, time.monotonic()
        if step == 1:  # the first step pays for allocations that no later one does
            self._first_step_ended = now
        if step == FIXED_STEPS:
            step_s = (now - self._first_step_ended) / (FIXED_STEPS - 1)
            fits = step + int((self.max_seconds * _SAFE - (now - self.started)) / step_s)
            if fits < module.schedule.steps:
                self.shortened = True
                module.schedule.steps = max(fits, step + 1)
                trainer.fit_loop.epoch_loop.max_steps = module.schedule.steps
        if now - self.started > self.max_seconds and step < module.schedule.steps:
            self.stopped = trainer.should_stop = True

    def state_dict(self) -> dict[str, Any]:
        """What is used up, and what was decided."""
        return {"spent": time.monotonic() - self.started, "shortened": self.shortened}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The limit is on all of a training, before and after a kill."""
        self.started, self.shortened = time.monotonic() - state["spent"], state["shortened"]
