"""Labels: time spans in which a series is known to be anomalous or normal.

A table `unique_id, start, end[, kind]`, CSV or Parquet, one span per row, both ends included. A kind is `anomaly` (the
default), `normal`, or a state of an event: `confirmed`; `false`, `expected`, `new_normal`.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.errors import DataError, nearest
from forecaster.series import table
from forecaster.series.door import ALONE
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["Label", "Labels"]

ANOMALOUS = ("anomaly", "confirmed")
NORMAL = ("normal", "false", "expected", "new_normal")
_START, _END, _KIND = "start", "end", "kind"


@dataclass(frozen=True)
class Label:
    """One span of one series and all its channels; times are as in the user's file."""

    unique_id: str
    start: Any
    end: Any
    kind: str = ANOMALOUS[0]

    def __str__(self) -> str:
        return f"'{self.unique_id}', {self.start} to {self.end}"


Placed = tuple[Label, int, int]
"""A label with its first and last row in a series; the last is before the first if it covers no row."""


@dataclass(frozen=True)
class Labels:
    """All labels of some series.

    Rows without a label are unknown, not normal. But if a series has only labels of anomalies, whoever listed them has
    looked at the rows between, so unlabelled rows from its first to its last label are normal. Where labels overlap,
    an anomaly wins.
    """

    every: Sequence[Label]
    lists: bool = True
    """Whether to treat labels of only anomalies as such a list."""
    called: str = "labels"
    """What messages call them."""

    @classmethod
    def read(cls, path: Path) -> "Labels":
        """From a file. Raises: DataError if it cannot be read, lacks a column, or has an unknown kind"""
        return cls.of_table(table.read(path), f"labels '{path}'")

    @classmethod
    def of_table(cls, frame: pd.DataFrame, called: str = "labels") -> "Labels":
        """From a table, called so in messages. Raises: DataError if it lacks a column, or has an unknown kind"""
        if columns.UNIQUE_ID not in frame.columns:
            frame = frame.assign(**{columns.UNIQUE_ID: ALONE})
        absent = [name for name in (_START, _END) if name not in frame.columns]
        if absent:
            raise DataError(f"{called}: no column '{absent[0]}'. Give unique_id, start, end, and perhaps kind.")
        if frame[[columns.UNIQUE_ID, _START, _END]].isna().to_numpy().any():
            raise DataError(f"{called}: a row lacks its unique_id, start or end.")
        kinds = frame[_KIND].fillna(ANOMALOUS[0]) if _KIND in frame.columns else [ANOMALOUS[0]] * len(frame)
        rows = zip(frame[columns.UNIQUE_ID].astype(str), frame[_START], frame[_END], kinds, strict=True)
        every = [_known_kind(Label(name, start, end, str(kind))) for name, start, end, kind in rows]
        return cls(every, called=called)

    def marks(self, grids: Sequence[Grid], ends: Sequence[Ints]) -> list[Floats]:
        """Marks of each row before `ends`: 1 anomalous, 0 normal, NaN unknown; [N] for each grid.

        Labels of later rows are checked against the data, but change nothing.

        Shapes: ends holds one array [S] for each grid
        Raises: DataError for a label that matches no row of these grids
        """
        inside = [span for grid in grids for spans in self._placed(grid).values() for span in spans]
        placed = {id(label) for label, first, last in inside if first <= last}
        outside = [label for label in self.every if id(label) not in placed]
        if outside:
            names = {str(name) for grid in grids for name in grid.unique_id}
            hint = nearest(outside[0].unique_id, names) if outside[0].unique_id not in names else ""
            more = f", and {len(outside) - 1} more" if len(outside) > 1 else ""
            raise DataError(f"labels: no row of the data in {outside[0]}{more}.{hint}")
        return [self.of(grid, end) for grid, end in zip(grids, ends, strict=True)]

    def of(self, grid: Grid, ends: Ints) -> Floats:
        """The same for one grid; labels outside it are ignored."""
        marks_N = np.full(len(grid.y), np.nan)
        for s, spans in self._placed(grid).items():
            end = int(ends[s])
            known = [(label, first, min(last, end - 1)) for label, first, last in spans if first < end]
            self._mark(marks_N[grid.offsets[s] : grid.offsets[s + 1]], known)
        return marks_N

    def _placed(self, grid: Grid) -> dict[int, list[Placed]]:
        """The labels of each series that has any."""
        by_name, found = defaultdict(list), {}
        for label in self.every:
            by_name[label.unique_id].append(label)
        for s in range(grid.series):
            mine = by_name.get(str(grid.unique_id[s]))
            if mine:
                times_T = grid.times(np.full(grid.lengths[s], s), np.arange(grid.lengths[s]))
                found[s] = [(label, *_rows(label, times_T, grid)) for label in mine]
        return found

    def _mark(self, marks_T: Floats, spans: Sequence[Placed]) -> None:
        """Set the marks of labelled rows; anomalies last, so that they win."""
        anomalies = [span for span in spans if span[0].kind in ANOMALOUS]
        if self.lists and len(anomalies) == len(spans) > 0:
            marks_T[min(first for _, first, _ in spans) : max(last for *_, last in spans) + 1] = 0.0
        for label, first, last in spans:
            if label.kind in NORMAL:
                marks_T[first : last + 1] = 0.0
        for _, first, last in anomalies:
            marks_T[first : last + 1] = 1.0


def _known_kind(label: Label) -> Label:
    """Check the kind of a label. Raises: DataError for an unknown kind"""
    if label.kind not in (*ANOMALOUS, *NORMAL):
        raise DataError(f"labels: {label}: no kind '{label.kind}'.{nearest(label.kind, (*ANOMALOUS, *NORMAL))}")
    return label


def _rows(label: Label, times_T: Ints, grid: Grid) -> tuple[int, int]:
    """First and last row of a label."""
    start, end = (grid.clock.instant(time, f"labels: {label}") for time in (label.start, label.end))
    return int(np.searchsorted(times_T, start, "left")), int(np.searchsorted(times_T, end, "right")) - 1
