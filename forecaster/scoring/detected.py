"""What a detection finds in the series of a grid, and what goes on from there."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecaster.detectors.base import Detector, Views
from forecaster.scoring.alarms import Alarming, Alarms
from forecaster.scoring.events import Event
from forecaster.scoring.together import Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["Detected", "Kept", "Story", "by_name"]


class Story(NamedTuple):
    """What was found in one series: its alarms, its events, and the number of each row's event, -1 for none."""

    alarms: Alarms
    events: list[Event]
    numbers: Ints


@dataclass(frozen=True)
class Kept:
    """What goes on from the rows of one series: those that calibrated it first, and where its alarms stand."""

    normal: Floats
    alarming: Alarming
    together: Together | None = None
    """Of channels together."""


@dataclass(frozen=True)
class Detected:
    """What was found on one grid.

    Shapes: [N] over the grid's rows; `whole` holds the same for channels together, one entry a `unique_id`,
        keyed by its first series; `kept` is by the name of a series, or of channels together
    """

    grid: Grid
    views: Views
    alarms: list[Alarms]
    events: list[list[Event]]
    numbers: list[Ints]
    train_ends: Ints
    whole: dict[int, Story]
    detector: Detector | None
    """None where stored scores were replayed."""
    kept: dict[str, Kept]
    gap: int
    """Rows that an event may pause."""
    waiting: bool = False
    """Whether a later row will change how rows are judged, because of what people said."""


def by_name(grid: Grid) -> dict[int, Ints]:
    """Series of each `unique_id`, by the first of them. Channels of one name stand side by side."""
    firsts = np.flatnonzero(np.r_[True, grid.covariate_starts[1:] != grid.covariate_starts[:-1]])
    return {int(a): np.arange(a, b) for a, b in zip(firsts, [*firsts[1:], grid.series], strict=True)}
