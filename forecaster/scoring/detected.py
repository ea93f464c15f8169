"""The result of a detection on a grid, and the state from which later rows continue."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from forecaster.detectors.base import Detector, Views
from forecaster.scoring.alarming import Alarming
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.events import Event
from forecaster.scoring.together import Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["Detected", "Kept", "Story", "by_name"]


class Story(NamedTuple):
    """The result for one series: alarms, events, and the number of each row's event, -1 for none."""

    alarms: Alarms
    events: list[Event]
    numbers: Ints


@dataclass(frozen=True)
class Kept:
    """The state from which a series continues: the rows of its first calibration, and the state of its alarms."""

    normal: Floats
    alarming: Alarming
    together: Together | None = None
    """What was learnt about joined channels, if it is a whole."""


@dataclass(frozen=True)
class Detected:
    """The result of a detection on one grid.

    Shapes: [N] over the grid's rows; `whole` holds the same for joined channels, one entry per `unique_id`,
        keyed by its first series; `kept` is keyed by the name of a series or of a whole
    """

    grid: Grid
    views: Views
    alarms: list[Alarms]
    events: list[list[Event]]
    numbers: list[Ints]
    train_ends: Ints
    whole: dict[int, Story]
    detector: Detector | None
    """None if stored scores were replayed."""
    kept: dict[str, Kept]
    gap: int
    """Rows between two alarms of the same event, at most."""
    waiting: bool = False
    """Whether what people said will take effect only once more rows have come."""


def by_name(grid: Grid) -> dict[int, Ints]:
    """The series of each `unique_id`, keyed by the first. Channels of one name are neighbours."""
    firsts = np.flatnonzero(np.r_[True, grid.covariate_starts[1:] != grid.covariate_starts[:-1]])
    return {int(a): np.arange(a, b) for a, b in zip(firsts, [*firsts[1:], grid.series], strict=True)}
