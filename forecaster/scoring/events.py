"""Events: groups of alarms of one series that belong together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster.scoring.alarms import NO_VIEW, Alarms
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = [
    "SILENT",
    "Event",
    "direction_of",
    "distances",
    "event_ids",
    "merge",
    "peak_of",
    "view_name",
    "with_silences",
]

SILENT = "silent"
"""Direction of an event of missing values."""
_AS_FAR = 1.25
"""Ratio of distances below which rows may count as equally far off: the step back after a lasting anomaly is often as
large as the step before it, but its expected value already follows the anomaly."""


@dataclass(frozen=True)
class Event:
    """Positions in a series, the highest severity of a row, whether values were above or below expectation, or
    missing, and which view of the detector its first row is by; empty if that is not known."""

    start: int
    peak: int
    end: int
    severity: float
    direction: str
    found_by: str = ""


def merge(
    alarms: Alarms, sign_T: Floats, gap: int, far_T: Floats | None = None, view_names: Sequence[str] = ()
) -> tuple[list[Event], Ints]:
    """Merge alarms at most `gap` rows apart into events; also gives each row's event number, -1 for none.

    A row belongs to the event that is open when the row comes, so later rows change nothing. `far_T` are `distances`.
    """
    rows = np.flatnonzero(alarms.is_anomaly)
    number_T = np.full(len(alarms.is_anomaly), -1)
    if len(rows) == 0:
        return [], number_T
    breaks = np.diff(rows) > gap
    number_T[rows] = np.concatenate([[0], np.cumsum(breaks)])
    parts = np.split(rows, np.flatnonzero(breaks) + 1)
    far_T = np.full(len(number_T), np.nan) if far_T is None else far_T
    found = [_event(part, alarms.severity, sign_T, far_T) for part in parts]
    return [replace(one, found_by=view_name(view_names, alarms.view[one.start])) for one in found], number_T


def view_name(view_names: Sequence[str], view: int) -> str:
    """The name of a view, from those of all; empty if it is not known."""
    return "" if view == NO_VIEW else view_names[view]


def distances(y: Floats, expected: Floats, lower: Floats, upper: Floats) -> Floats:
    """Grades of how far values lie from the expected ones, in widths of the bands; NaN where nothing is expected.

    Grades are whole numbers, so that rows that are about as far off have the same, and parts of an event can be joined.
    """
    off, width = np.abs(y - expected), upper - lower
    with np.errstate(divide="ignore", invalid="ignore"):
        far = np.where(off == 0, 0.0, off / width)
        return np.asarray(np.floor(np.log(far) / np.log(_AS_FAR)), float)


def peak_of(severity_n: Floats, far_n: Floats) -> int:
    """Which of an event's rows shows best what is strange: the farthest from its expected value, the first of several.

    Views that look back on many rows are strangest after an anomaly, when values may be usual again. Where nothing is
    expected, they are all there is.
    """
    known_n = ~np.isnan(far_n)
    return int(np.argmax(np.where(known_n, far_n, -np.inf) if known_n.any() else severity_n))


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


def _event(rows: Ints, severity_T: Floats, sign_T: Floats, far_T: Floats) -> Event:
    peak = int(rows[peak_of(severity_T[rows], far_T[rows])])
    severity = float(severity_T[rows].max())
    return Event(int(rows[0]), peak, int(rows[-1]), severity, direction_of(float(sign_T[peak])))
