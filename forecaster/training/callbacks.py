"""What watches a training: history, progress, the best weights, and the clock."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from forecaster.progress import SILENT, Moment, Watch
from forecaster.training.average import Average
from forecaster.training.module import TrainingModule
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.stretch import Stretch

__all__ = ["Averaging", "BestWeights", "Clock", "History"]

_EVERY = 10
_SAFE = 0.9
"""Share of the time limit that a shortened schedule plans to use."""


@dataclass
class History(pl.Callback):
    """Every tenth step and every look at the held-out rows, kept, and told to whoever watches."""

    watch: Watch = SILENT
    moments: list[Moment] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Keep a moment."""
        if trainer.global_step % _EVERY == 0:
            self.keep(trainer, module)

    def keep(self, trainer: pl.Trainer, module: pl.LightningModule, val_loss: float | None = None) -> None:
        """Keep this moment, and tell of it."""
        assert isinstance(module, TrainingModule)
        metrics = trainer.callback_metrics
        moment = Moment(
            trainer.global_step,
            module.schedule.steps,
            float(metrics.get("loss", float("nan"))),
            float(metrics.get("grad_norm", float("nan"))),
            trainer.optimizers[0].param_groups[0]["lr"],
            time.monotonic() - self.started,
            val_loss,
        )
        self.moments.append(moment)
        self.watch.moment(moment)


class Averaging(pl.Callback):
    """Takes each step's weights into an average, after the steps that are the same for every length."""

    def __init__(self, average: Average) -> None:
        self.average = average

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Take them in."""
        assert isinstance(module, TrainingModule)
        if trainer.global_step > FIXED_STEPS:
            self.average.add(module.network, trainer.global_step / module.schedule.steps)


class BestWeights(pl.Callback):
    """Looks at the held-out rows now and then, stops when they no longer gain, and puts the best weights back.

    Where there is an average of the weights, that is what it looks at and keeps.

    When it looks depends on the schedule's length alone, so a run that is repeated looks at the same steps.
    """

    def __init__(
        self, held_out: Iterable[Stretch], history: History, average: Average, *, looks: int, patience: int
    ) -> None:
        self.held_out, self.history, self.average = held_out, history, average
        self.looks, self.patience = looks, patience
        self.best_loss = float("inf")
        self.best_step = 0
        self.weights: dict[str, Tensor] | None = None
        self._waited = 0
        self._looked_at = 0

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Look, if it is time to."""
        assert isinstance(module, TrainingModule)
        if (
            trainer.global_step >= FIXED_STEPS
            and trainer.global_step % max(1, module.schedule.steps // self.looks) == 0
        ):
            self._look(trainer, module)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """A last look, and the best weights back."""
        assert isinstance(module, TrainingModule)
        if self._looked_at < trainer.global_step:
            self._look(trainer, module)
        if self.weights is None:
            self.average.keep(module.network)
        else:
            module.network.restore(self.weights)

    def _look(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        self._looked_at = trainer.global_step
        with self.average.shown(module.network):
            loss = module.held_out_loss(self.held_out)
            weights = module.network.snapshot() if loss < self.best_loss else None
        if loss != loss:  # nothing is held out: the last weights are as good as any
            return
        self.history.keep(trainer, module, loss)
        if weights is not None:
            self.weights = weights
            self.best_loss, self.best_step, self._waited = loss, trainer.global_step, 0
            return
        self._waited += 1
        module.schedule.look(self._waited)
        if self._waited >= self.patience:
            trainer.should_stop = True


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
