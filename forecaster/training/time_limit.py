"""The time limit of a training."""

import time
from typing import Any

import pytorch_lightning as pl

from forecaster.training import workers
from forecaster.training.module import TrainingModule
from forecaster.training.schedule import FIXED_STEPS

__all__ = ["TimeLimit"]

_SAFE = 0.9
"""Share of the time limit that a shortened schedule plans to use."""
_PATIENCE = 4.0
"""This many seconds by the clock count as at least one second of processor time."""


class TimeLimit(pl.Callback):
    """Keeps a run within its time limit: shortens the schedule while it can, stops the run if it must.

    The length is decided once, after the first FIXED_STEPS, which are the same for every length; `--steps` with
    the shortened length therefore repeats the run.

    The limit is on processor time, so a busy machine makes a training slower, not worse. Only if the process had a
    processor for less than a quarter of the time, a quarter of the clock time counts instead.
    """

    def __init__(self, max_seconds: float) -> None:
        self.max_seconds = max_seconds
        self.shortened = False
        self.stopped = False
        self._before = 0.0
        self._wall, self._own = time.monotonic(), time.process_time()
        self._first_step_ended = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Keep a continued run as short as it was decided before."""
        assert isinstance(module, TrainingModule)
        if self.shortened:
            trainer.fit_loop.epoch_loop.max_steps = module.schedule.steps

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Measure the time, and shorten or stop the run if needed."""
        assert isinstance(module, TrainingModule)
        step, spent = trainer.global_step, workers.of_first(self._spent())
        if step == 1:  # the first step is slower, because of allocations
            self._first_step_ended = spent
        if step == FIXED_STEPS:
            self._shorten(trainer, module, spent)
        if spent > self.max_seconds and step < module.schedule.steps:
            self.stopped = trainer.should_stop = True

    def _shorten(self, trainer: pl.Trainer, module: TrainingModule, spent: float) -> None:
        """Shorten the schedule to the steps that fit into the rest of the time, judged by the time of the first ones."""
        step_s = (spent - self._first_step_ended) / (FIXED_STEPS - 1)
        if step_s <= 0:  # a coarse clock has not ticked since
            return
        fits = FIXED_STEPS + int((self.max_seconds * _SAFE - spent) / step_s)
        if fits < module.schedule.steps:
            self.shortened = True
            module.schedule.steps = max(fits, FIXED_STEPS + 1)
            trainer.fit_loop.epoch_loop.max_steps = module.schedule.steps

    def _spent(self) -> float:
        """Seconds of the whole training, including those before a kill."""
        wall, own = time.monotonic() - self._wall, time.process_time() - self._own
        return self._before + max(min(own, wall), wall / _PATIENCE)

    def state_dict(self) -> dict[str, Any]:
        """The time used, and what was decided."""
        return {"spent": self._spent(), "shortened": self.shortened}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore them: the limit is on the whole training, including the time before a kill."""
        self._before, self.shortened = state["spent"], state["shortened"]
        self._wall, self._own = time.monotonic(), time.process_time()
