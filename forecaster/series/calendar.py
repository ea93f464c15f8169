"""Calendar features: the phase of a time in the day, the week and the year, as sine and cosine."""

import numpy as np

from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Floats

__all__ = ["PERIODS", "cycles", "periods"]

PERIODS = {"day": DAY, "week": 7 * DAY, "year": int(365.2425 * DAY)}
"""Length of each cycle in microseconds."""

_MONDAY = 4 * DAY
"""1970-01-05, the first Monday of the epoch."""


def periods(frequency: Frequency, span: int) -> tuple[str, ...]:
    """Cycles that a step can resolve and that a span of time contains at least twice.

    Units: `span` in microseconds
    """
    if frequency.kind == "integer":
        return ()
    return tuple(name for name, length in PERIODS.items() if 2 * frequency.micros <= length and 2 * length <= span)


def cycles(wall: Ints, names: tuple[str, ...]) -> Floats:
    """Sine and cosine of the phase in each cycle.

    Shapes: [rows] wall-clock microseconds -> [rows, 2 * len(names)]
    """
    parts = []
    for name in names:
        angle = 2 * np.pi * ((wall - _MONDAY) % PERIODS[name]) / PERIODS[name]
        parts += [np.sin(angle), np.cos(angle)]
    return np.column_stack(parts) if parts else np.zeros((len(wall), 0))
