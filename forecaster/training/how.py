"""How a network is trained, as settings."""

from dataclasses import dataclass
from typing import Literal

from forecaster.training.average import AverageName
from forecaster.training.schedule import ScheduleName

__all__ = ["Errors", "Precision", "Training"]

Precision = Literal["32", "bf16"]
Errors = Literal["", "spreads", "own"]

_COUNTS = ("steps", "schedule_steps", "rows", "stretch", "warmup", "held_out", "seed")
_NOT_NEGATIVE = (*_COUNTS, "snapshots", "clip", "curriculum", "checkpoint_seconds")
_POSITIVE = ("buckets", "cycles", "lr", "validations", "patience", "max_seconds", "threads")
_SHARES = ("average_decay", "average_tail")


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a network is trained. Zero means: found from the data."""

    steps: int = 0
    """Optimiser steps."""
    schedule: ScheduleName = "cycle"
    """Learning rate: cycle (up, down along a cosine), cosine (down at once), cyclical (down several times), plateau (half
    where the held-out loss does not gain) or constant."""
    schedule_steps: int = 0
    """Length of the schedule; `steps` unless a run was cut short."""
    cycles: int = 3
    """Descents of the cyclical schedule."""
    snapshots: int = 0
    """Members of an ensemble that one training makes: the weights at the end of each descent of the cyclical schedule, which
    it takes, with as many cycles; 0: the best weights only."""
    curriculum: float = 0.0
    """Share of the run over which stretches grow from an eighth of their length to all of it; 0: whole from the start."""
    buckets: int = 1
    """Groups of series of like length, one of which each step is made of: less padding where lengths differ widely, and
    cutoffs of short series as likely as others."""
    stream: bool = False
    """Read each series from its first row to its last, with the state carried from stretch to stretch and no warm-up; for
    models that carry a state."""
    errors: Errors = ""
    """What an error counts in: in spreads of its cutoff, or in the series' own units (own), so that restless times weigh
    more than calm ones; empty: as suits the model."""
    rows: int = 0
    """Stretches in a step (B), where they are whole."""
    stretch: int = 0
    """Cutoffs in a stretch (T)."""
    warmup: int = 16
    """First cutoffs of a stretch that do not count, where it does not begin its series."""
    lr: float = 0.003
    """Highest learning rate."""
    weight_decay: float = 0.01
    """Of AdamW."""
    clip: float = 0.0
    """Largest global gradient norm; 0 takes the median of the last hundred."""
    average: AverageName = "none"
    """Weights that are judged and kept: those of a step (none), their exponential mean (ema), or their mean over the last
    part of the schedule (tail)."""
    average_decay: float = 0.99
    """What the exponential mean keeps of itself at each step."""
    average_tail: float = 0.25
    """Share of the schedule that the tail's mean is over."""
    validations: int = 20
    """How often the held-out loss is measured."""
    patience: int = 8
    """Validations without a better loss before training stops."""
    held_out: int = 0
    """Rows of each series kept out of training for early stopping and calibration."""
    checkpoint_seconds: float = 30.0
    """How often the state is kept where --resume asks for it."""
    precision: Precision = "32"
    """Of matrix products in training: 32, or bf16 where the processor multiplies such numbers (AMX, CUDA); the held-out
    rows are always judged by 32."""
    max_seconds: float = 180.0
    """A guard, not a dial: the schedule is shortened when it would not fit. Of a processor's time, at most four times as long
    by the clock."""
    seed: int = 1
    threads: int = 1
    """Processor threads of a training. One is the safe choice: beside another busy process two are slower than one. Several
    trainings take a process each where cores are free (`training/side_by_side.py`)."""

    def __post_init__(self) -> None:
        for name in _NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in _SHARES:
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")
        if self.snapshots and self.schedule not in ("cycle", "cyclical"):
            raise ValueError(f"snapshots are taken along the cyclical schedule, got schedule {self.schedule}")
        if self.curriculum >= 1:
            raise ValueError(f"curriculum must be below 1, got {self.curriculum}")
        if self.stream and (self.curriculum or self.buckets > 1):
            raise ValueError("stream reads series from end to end, so curriculum and buckets say nothing beside it")
