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
    """How a network is trained. Zero means: chosen from the data."""

    steps: int = 0
    """Optimiser steps."""
    schedule: ScheduleName = "cycle"
    """Learning rate: cycle (warm-up, then down along a cosine), cosine (down from the start), cyclical (down several
    times), plateau (halved when the held-out loss stops falling) or constant."""
    schedule_steps: int = 0
    """Length of the schedule: `steps`, unless a run was cut short."""
    cycles: int = 3
    """Descents of the cyclical schedule."""
    snapshots: int = 0
    """Size of the ensemble that one training gives: the weights at the end of each descent of the cyclical schedule,
    which is used with as many cycles; 0: the best weights only."""
    curriculum: float = 0.0
    """Share of the run over which stretches grow from an eighth to their full length; 0: full length from the start."""
    buckets: int = 1
    """Number of groups of series of similar length; each step draws from one group. Gives less padding if lengths
    differ widely, and makes cutoffs of short series as likely as others."""
    stream: bool = False
    """Read each series from its first row to its last, carrying the state from stretch to stretch without a warm-up;
    for models that carry a state."""
    errors: Errors = ""
    """Units of the errors in the loss: spreads at each cutoff, or the series' own units (own), so that volatile times
    weigh more than calm ones; empty: as suits the model."""
    rows: int = 0
    """Stretches in a step (B), when they have full length."""
    stretch: int = 0
    """Cutoffs in a stretch (T)."""
    warmup: int = 16
    """Number of first cutoffs in a stretch that do not count, unless the stretch begins its series."""
    lr: float = 0.003
    """Highest learning rate."""
    weight_decay: float = 0.01
    """Of AdamW."""
    clip: float = 0.0
    """Maximum global gradient norm; 0 takes the median of the last hundred."""
    average: AverageName = "none"
    """Weights that are validated and kept: those of a step (none), their exponential moving average (ema), or their
    mean over the last part of the schedule (tail)."""
    average_decay: float = 0.99
    """Decay of the exponential moving average: the share it keeps at each step."""
    average_tail: float = 0.25
    """Share of the schedule, at its end, over which the tail average is taken."""
    validations: int = 20
    """How often the held-out loss is measured."""
    patience: int = 8
    """Validations without improvement before training stops."""
    held_out: int = 0
    """Last rows of each series held out of training for early stopping and calibration."""
    checkpoint_seconds: float = 30.0
    """Seconds between checkpoints, with --resume."""
    precision: Precision = "32"
    """Precision of matrix products in training: 32, or bf16 if the processor supports it (AMX, CUDA); validation always
    uses 32."""
    max_seconds: float = 180.0
    """A safeguard, not a tuning knob: the schedule is shortened if it would not fit. In seconds of processor time, and
    at most four times as many by the clock."""
    seed: int = 1
    threads: int = 1
    """Processor threads of a training. One is the safe choice: beside another busy process, two are slower than one.
    Several trainings run in processes of their own if cores are free (`launch/_side_by_side.py`)."""

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
            raise ValueError("stream reads series from end to end, so it cannot be combined with curriculum or buckets")
