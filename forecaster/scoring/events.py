"""Events: groups of alarms of one series that belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

if TYPE_CHECKING:
    from forecaster.scoring.alarms import Alarms  # it imports the networks, which events do not need

__all__ = ["SILENT", "Event", "direction_of", "event_ids", "merge", "with_silences"]

SILENT = "silent"
"""Direction of an event of missing values."""


@dataclass(frozen=True)
class Event:
    """Positions in a series, the highest score, and whether values were above or below expectation, or missing."""

    start: int
    peak: int
    end: int
    severity: float
    direction: str


def merge(alarms: "Alarms", sign_T: Floats, gap: int) -> tuple[list[Event], Ints]:
    """Merge alarms at most `gap` rows apart into events; also gives each row's event number, -1 for none.

    A row belongs to the event that is open when the row comes, so later rows change nothing.
    """
    rows = np.flatnonzero(alarms.is_anomaly)
    number_T = np.full(len(alarms.is_anomaly), -1)
    if len(rows) == 0:
        return [], number_T
    breaks = np.diff(rows) > gap
    number_T[rows] = np.concatenate([[0], np.cumsum(breaks)])
    parts = np.split(rows, np.flatnonzero(breaks) + 1)
    return [_event(part, alarms.strangeness, sign_T) for part in parts], number_T


def with_silences(
    events: list[Event], number_T: Ints, silences: Sequence[tuple[Event, Ints]]
) -> tuple[list[Event], Ints]:
    """The same with silences added, in order of start; each comes with its rows, which may lie after the last row."""
    if not silences:
        return events, number_T
    every = [*events, *(event for event, _ in silences)]
    order = sorted(range(len(every)), key=lambda k: every[k].start)
    place = np.empty(len(every) + 1, np.int64)
    place[order], place[-1] = np.arange(len(every)), -1
    for k, (_, rows) in enumerate(silences, start=len(events)):
        number_T[rows[(rows >= 0) & (rows < len(number_T))]] = k
    return [every[k] for k in order], place[number_T]


def event_ids(labels: Sequence[str], ds: "pd.Series[Any]") -> list[str]:
    """Ids `series@start`, the same however often an event is found. `ds` is in the user's format."""
    text = (
        ds.astype(str)
        if pd.api.types.is_integer_dtype(ds.dtype)
        else ds.map(lambda t: t.isoformat() if hasattr(t, "isoformat") else str(t))
    )
    return [f"{label}@{t}" for label, t in zip(labels, text, strict=True)]


def direction_of(sign: float) -> str:
    """The direction of an event: its peak is above (up) or below (down) the expected value."""
    return {1.0: "up", -1.0: "down"}.get(sign, "unknown")


def _event(rows: Ints, strange_T: Floats, sign_T: Floats) -> Event:
    peak = int(rows[np.argmax(strange_T[rows])])
    return Event(int(rows[0]), peak, int(rows[-1]), float(strange_T[peak]), direction_of(float(sign_T[peak])))
