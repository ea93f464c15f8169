"""How far back `monitor` looks, and at how many series at a time."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecaster.series.grid import Grid

__all__ = ["HORIZONS", "parts", "steps_back"]

HORIZONS = 32
"""Horizons before the last row within which forecasts and alarms are judged by default."""
_SERIES_AT_ONCE = 64


def parts(grid: "Grid") -> "Iterator[Grid]":
    """Some series at a time: each has many forecasts."""
    import numpy as np

    for begin in range(0, grid.series, _SERIES_AT_ONCE):
        yield grid.take(np.arange(begin, min(begin + _SERIES_AT_ONCE, grid.series)))


def steps_back(grid: "Grid", steps: int) -> datetime:
    """The time so many steps before the last row of any series."""
    import numpy as np

    last = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
    begin = grid.frequency.times(np.array([last]), np.array([-steps]))
    time: datetime = grid.clock.decode(begin).iloc[0].to_pydatetime()
    return time
