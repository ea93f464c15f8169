"""Callbacks of a training: history and progress, averaged weights, snapshots, best weights."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import pytorch_lightning as pl
from torch import Tensor

from forecaster.progress import SILENT, Moment, Watch
from forecaster.training import workers
from forecaster.training.average import Average
from forecaster.training.module import TrainingModule
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.stretch import Stretch

__all__ = ["Averaging", "BestWeights", "HeldOutFor", "History", "Snapshots"]

HeldOutFor = Callable[[int], Iterable[Stretch]]
"""Gives the held-out rows that validate a run of so many steps."""
_EVERY = 10
_CHECKPOINTED = ("best_loss", "best_step", "weights", "waited", "looked_at")


@dataclass
class History(pl.Callback):
    """Records every tenth step and every validation, and reports them to the watcher."""

    watch: Watch = SILENT
    moments: list[Moment] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Record every tenth step."""
        if trainer.global_step % _EVERY == 0:
            self.keep(trainer, module)

    def state_dict(self) -> dict[str, Any]:
        """All records so far, and the seconds they took."""
        return {"moments": [asdict(moment) for moment in self.moments], "spent": time.monotonic() - self.started}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue it."""
        self.moments = [Moment(**moment) for moment in state["moments"]]
        self.started = time.monotonic() - state["spent"]

    def keep(self, trainer: pl.Trainer, module: pl.LightningModule, val_loss: float | None = None) -> None:
        """Record the current step and report it."""
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
    """Adds each step's weights to an average, from the step on at which the run's length is decided."""

    def __init__(self, average: Average) -> None:
        self.average = average

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Add the weights."""
        assert isinstance(module, TrainingModule)
        if trainer.global_step > FIXED_STEPS:
            self.average.add(module.network, trainer.global_step / module.schedule.steps)

    def state_dict(self) -> dict[str, Any]:
        """The mean so far."""
        return {"mean": self.average.mean, "counted": self.average.counted}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue it."""
        self.average.mean, self.average.counted = state["mean"], state["counted"]

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Move an average that was read from a file to the network's device."""
        self.average.mean = [mean.to(module.device) for mean in self.average.mean]


class Snapshots(pl.Callback):
    """Keeps the weights, or their average, at the end of each descent of the schedule; at most `most` of them.

    Source: Huang et al. (2017), Snapshot Ensembles: train 1, get M for free, ICLR
    """

    def __init__(self, average: Average, most: int) -> None:
        self.average, self.most = average, most
        self.kept: list[dict[str, Tensor]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Keep the weights if a descent has just ended."""
        assert isinstance(module, TrainingModule)
        if len(self.kept) < min(self.most, module.schedule.ended(trainer.global_step)):
            with self.average.shown(module.network):
                self.kept.append(module.network.snapshot())

    def state_dict(self) -> dict[str, Any]:
        """The snapshots so far."""
        return {"kept": self.kept}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from them."""
        self.kept = state["kept"]


class BestWeights(pl.Callback):
    """Validates at intervals, stops when the held-out loss no longer falls, and restores the best weights.

    Where weights are averaged, the average is validated and kept.

    The steps at which it validates, and the rows, depend on the schedule's length alone, so they are the same in a
    repeated run.
    """

    def __init__(
        self, held_out_for: HeldOutFor, history: History, average: Average, *, validations: int, patience: int
    ) -> None:
        self.held_out_for, self.history, self.average = held_out_for, history, average
        self.validations, self.patience = validations, patience
        self._held_out: workers.Shared | None = None
        self.best_loss = float("inf")
        self.best_step = 0
        self.weights: dict[str, Tensor] | None = None
        self.waited = 0
        """Validations since the best one."""
        self.looked_at = 0
        """Step of the last validation."""

    def state_dict(self) -> dict[str, Any]:
        """The best weights so far, and how far validation has come."""
        return {name: getattr(self, name) for name in _CHECKPOINTED}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from it."""
        for name in _CHECKPOINTED:
            setattr(self, name, state[name])

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """Validate if it is due."""
        assert isinstance(module, TrainingModule)
        if (
            trainer.global_step >= FIXED_STEPS
            and trainer.global_step % max(1, module.schedule.steps // self.validations) == 0
        ):
            self._validate(trainer, module)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Validate once more, then restore the best weights."""
        assert isinstance(module, TrainingModule)
        if self.looked_at < trainer.global_step:
            self._validate(trainer, module)
        if self.weights is None:
            self.average.keep(module.network)
        else:
            module.network.restore(self.weights)

    def _shared(self, steps: int) -> workers.Shared:
        """This worker's part of the held-out rows. The first validation is after the run's length was decided."""
        if self._held_out is None:
            self._held_out = workers.Shared(self.held_out_for(steps))
        return self._held_out

    def _validate(self, trainer: pl.Trainer, module: TrainingModule) -> None:
        self.looked_at = trainer.global_step
        with self.average.shown(module.network):
            loss = module.held_out_loss(self._shared(module.schedule.steps))
            weights = module.network.snapshot() if loss is not None and loss < self.best_loss else None
        if loss is None:  # nothing is held out: keep the last weights
            return
        self.history.keep(trainer, module, loss)
        if weights is not None:
            self.weights = weights
            self.best_loss, self.best_step, self.waited = loss, trainer.global_step, 0
            return
        self.waited += 1
        module.schedule.validated(self.waited)
        if self.waited >= self.patience:
            trainer.should_stop = True
