"""A training run by Lightning, from initial weights to the best ones."""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.strategies import DDPStrategy
from torch import Tensor
from torch.utils.data import DataLoader

from forecaster.progress import Watch
from forecaster.training import workers
from forecaster.training.average import average
from forecaster.training.callbacks import Averaging, BestWeights, HeldOutFor, History, Snapshots
from forecaster.training.checkpoints import Checkpoints, Draws, SafeFiles
from forecaster.training.clipping import Clipping
from forecaster.training.facts import Facts
from forecaster.training.module import TrainingModule
from forecaster.training.schedule import Schedule
from forecaster.training.settings import Precision, Training
from forecaster.training.time_limit import TimeLimit
from forecaster.training.trainable import Trainable

__all__ = ["run"]

log = logging.getLogger(__name__)

_PRECISIONS: dict[Precision, Literal["32-true", "bf16-mixed"]] = {"32": "32-true", "bf16": "bf16-mixed"}
"""Lightning's names of the precisions."""


def run(
    network: Trainable,
    stretches: Draws,
    held_out_for: HeldOutFor,
    *,
    name: str,
    training: Training,
    rates: Schedule,
    label: Callable[[int], str],
    watch: Watch,
    state: Path | None = None,
) -> tuple[Facts, list[dict[str, Tensor]]]:
    """Train the weights; returns facts about the training, and the snapshots that were asked for.

    The panel is already on the device; the loader only draws indices.

    `held_out_for` gives the held-out rows for early stopping, once the run's number of steps is known. `name` is that of
    the model or detector, `label` gives the name of a series by its number, for messages. `state` is a file for checkpoints,
    from which a killed training continues.
    """
    module = _module(network, training, rates, label)
    callbacks = _Callbacks.of(stretches, held_out_for, training, watch, state)
    with _quiet(), torch.random.fork_rng(workers.gpus()):
        torch.manual_seed(training.seed + workers.number())
        trainer = _trainer(training, callbacks.in_order, stretches.panel.device)
        begun = state if state is not None and workers.read_by_first(state.exists) else None
        trainer.fit(module, DataLoader(workers.Shared(stretches), batch_size=None), ckpt_path=begun)
    facts = callbacks.facts(trainer.global_step, module.schedule.steps)
    log.info(
        "trained model=%s steps=%d best_step=%d val_loss=%s seconds=%.1f",
        name,
        facts.steps,
        facts.best_step,
        facts.val_loss,
        facts.seconds,
    )
    return facts, callbacks.snapshots.kept


def _module(network: Trainable, training: Training, rates: Schedule, label: Callable[[int], str]) -> TrainingModule:
    return TrainingModule(
        network,
        label,
        lr=training.lr,
        weight_decay=training.weight_decay,
        clipping=Clipping(training.clip),
        schedule=rates,
        stream=training.stream,
    )


def _trainer(training: Training, callbacks: list[pl.Callback], device: torch.device) -> pl.Trainer:
    """Lightning's trainer with all its files and displays switched off; workers average their gradients."""
    return pl.Trainer(
        accelerator="cuda" if device.type == "cuda" else "cpu",
        strategy=DDPStrategy() if workers.count() > 1 else "auto",
        devices=workers.local_count(),
        num_nodes=workers.count() // workers.local_count(),
        max_steps=training.steps,
        max_epochs=-1,
        callbacks=callbacks,
        plugins=[SafeFiles()],
        precision=_PRECISIONS[training.precision],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@dataclass(frozen=True)
class _Callbacks:
    """The callbacks of a training."""

    history: History
    averaging: Averaging
    snapshots: Snapshots
    best: BestWeights
    limit: TimeLimit
    kept: list[Checkpoints]
    """One if checkpoints are wanted, else none."""

    @classmethod
    def of(
        cls, stretches: Draws, held_out_for: HeldOutFor, training: Training, watch: Watch, state: Path | None
    ) -> "_Callbacks":
        """Made from the settings of a training."""
        history, limit = History(watch), TimeLimit(training.max_seconds)
        mean = average(training.average, decay=training.average_decay, tail=training.average_tail)
        best = BestWeights(held_out_for, history, mean, validations=training.validations, patience=training.patience)
        kept = [Checkpoints(state, stretches, seconds=training.checkpoint_seconds)] if state is not None else []
        return cls(history, Averaging(mean), Snapshots(mean, training.snapshots), best, limit, kept)

    @property
    def in_order(self) -> list[pl.Callback]:
        """In calling order: the run's length is decided before anything depends on it, a step is averaged before it is
        validated, and a checkpoint comes last, so that it has the state of all others."""
        return [self.limit, self.history, self.averaging, self.snapshots, self.best, *self.kept]

    def facts(self, steps: int, schedule_steps: int) -> Facts:
        """Facts about the training, once it is over."""
        history, best = self.history, self.best
        return Facts(
            steps=steps,
            schedule_steps=schedule_steps,
            best_step=best.best_step or steps,
            val_loss=best.best_loss if best.weights is not None else None,
            shortened=self.limit.shortened,
            stopped=self.limit.stopped,
            seconds=round(history.moments[-1].seconds, 3) if history.moments else 0.0,
            moments=tuple(history.moments),
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's remarks on choices of ours, which users cannot act on."""
    logger = logging.getLogger("pytorch_lightning")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="pytorch_lightning|lightning_fabric")
            warnings.filterwarnings("ignore", message=".*does not have many workers.*")
            yield
    finally:
        logger.setLevel(level)
