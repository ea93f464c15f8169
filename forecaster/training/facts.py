"""Facts about a training: what it used, where it ended, and what the user should know of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecaster.progress import Moment

__all__ = ["Facts", "Tail"]


@dataclass(frozen=True)
class Tail:
    """How far forecasts are off the exact ones when the network reads only the last rows of each series.

    Units: half widths of the 80 % interval; means over held-out series and horizon steps
    """

    steps: int
    """Rows read by the network."""
    median: float
    quantiles: float
    """Averaged over all levels; mostly because widths cannot adapt to recent errors there."""


@dataclass(frozen=True)
class Facts:
    """Facts about one training; zeros if there was nothing to train."""

    weights: int = 0
    """Number of trained weights of the network."""
    series: int = 0
    rows: int = 0
    """Rows of all series, with those held out."""
    steps: int = 0
    """Optimiser steps made."""
    schedule_steps: int = 0
    """Length of the learning-rate schedule."""
    best_step: int = 0
    """The step whose weights were kept."""
    val_loss: float | None = None
    """Held-out loss at that step; None if no row was held out."""
    held_out_error: float | None = None
    """Mean pinball loss of the calibrated quantiles on the held-out rows, in spreads."""
    shortened: bool = False
    """The schedule was shortened to keep the time limit; `schedule_steps` repeats it."""
    stopped: bool = False
    """The time limit ended the run before its schedule did."""
    seconds: float = 0.0
    moments: tuple[Moment, ...] = ()
    """Loss and learning rate at every tenth step, and at each validation."""
    tails: tuple[Tail, ...] = ()
    """Shortest first."""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Facts":
        """From `asdict`'s data."""
        moments = tuple(Moment(**moment) for moment in data["moments"])
        return cls(**{**data, "moments": moments, "tails": tuple(Tail(**tail) for tail in data.get("tails", ()))})

    def tail_line(self, warmup: int) -> str:
        """The error of reading only `warmup` rows, taken from the longest measured tail that is not longer."""
        known = [tail for tail in self.tails if tail.steps <= warmup]
        read = f"only the last {warmup} rows of each series were passed through the network"
        if not known:
            return f"{read}; how far that is off the whole pass was not measured"
        off = f"medians {known[-1].median:.2g}, quantiles {known[-1].quantiles:.2g} half 80 % intervals"
        return f"{read}; with {known[-1].steps} that was off the whole pass by {off} on held-out rows"

    def lines(self) -> list[str]:
        """What the user should know about the training."""
        if self.stopped:
            repeat = f"--steps {self.steps} --set schedule_steps={self.schedule_steps}"
            return [
                f"the time limit stopped training at step {self.steps} of {self.schedule_steps}; {repeat} repeats it"
            ]
        if self.shortened:
            return [
                f"the time limit shortened training to {self.schedule_steps} steps; --steps {self.schedule_steps} repeats it"
            ]
        return []
