"""Maintenance windows, in which no event is raised, given as text or in a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.errors import ConfigError, DataError
from forecaster.series import table
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Grid

__all__ = ["Maintenance", "spans"]

_HELP = "Give FROM/TO, several separated by commas, or a table with columns from and to."

MaintenanceWindow = tuple[str, str, str]
"""Name of a series, empty for all; start; end (exclusive)."""


@dataclass(frozen=True)
class Maintenance:
    """Maintenance windows, on the clock of some series."""

    spans: Sequence[tuple[str, int, int]]

    @classmethod
    def of(cls, text: str, clock: Clock) -> "Maintenance":
        """From the text of the rule. Raises: ConfigError if it has invalid times"""
        found = spans(text)
        try:
            times = _encoded([time for _, *both in found for time in both], clock)
        except (ValueError, DataError) as error:
            said = str(error).removeprefix("column 'ds': ").rstrip(".")
            raise ConfigError(f"rules.maintenance: {said}. {_HELP}") from error
        made = []
        for (name, *texts), start, end in zip(found, times[::2], times[1::2], strict=True):
            if start >= end:
                raise ConfigError(f"rules.maintenance: '{'/'.join(texts)}' ends before it begins. {_HELP}")
            made.append((name, int(start), int(end)))
        return cls(made)

    def closed(self, name: str, times_T: Ints) -> Bools:
        """Which times of a series lie in a window."""
        closed_T = np.zeros(len(times_T), bool)
        for whose in {"", name}:
            for start, end in self._of_series.get(whose, ()):
                closed_T |= (times_T >= start) & (times_T < end)
        return closed_T

    @cached_property
    def _of_series(self) -> Mapping[str, list[tuple[int, int]]]:
        """The windows by name; those of all series under the empty name."""
        found: dict[str, list[tuple[int, int]]] = {}
        for name, start, end in self.spans:
            found.setdefault(name, []).append((start, end))
        return found

    def working(self, grid: Grid) -> Bools:
        """Rows of a grid outside all windows; other rows raise no alarm and do not count as normal. Shapes: [N]"""
        working_N = np.ones(len(grid.y), bool)
        for s in range(grid.series) if self.spans else ():
            rows = slice(grid.offsets[s], grid.offsets[s + 1])
            times = grid.times(np.full(grid.lengths[s], s), np.arange(grid.lengths[s]))
            working_N[rows] = ~self.closed(str(grid.unique_id[s]), times)
        return working_N


def spans(text: str) -> list[MaintenanceWindow]:
    """Windows from a text, or from the table it names. Raises: ConfigError if it is neither"""
    if not text.strip():
        return []
    if table.is_table(Path(text)):
        return _of_table(Path(text))
    parts = [part.strip().split("/") for part in text.split(",") if part.strip()]
    wrong = [part for part in parts if len(part) != 2 or not all(part)]
    if wrong:
        raise ConfigError(f"rules.maintenance: '{'/'.join(wrong[0])}' is not a span of time. {_HELP}")
    return [("", start.strip(), end.strip()) for start, end in parts]


def _of_table(path: Path) -> list[MaintenanceWindow]:
    try:
        frame = table.read(path)
    except DataError as error:
        raise ConfigError(f"rules.maintenance: {error}") from error
    if not {"from", "to"} <= set(frame.columns):
        raise ConfigError(f"rules.maintenance: '{path}' has no columns from and to.")
    names: Any = [""] * len(frame)
    if "unique_id" in frame.columns:
        names = frame["unique_id"]
        if names.hasnans:  # whole numbers in a column with an empty cell were read as floats
            names = names.convert_dtypes().astype(object).where(names.notna(), "")
    return [(str(name), str(a), str(b)) for name, a, b in zip(names, frame["from"], frame["to"], strict=True)]


def _encoded(texts: list[str], clock: Clock) -> Ints:
    return np.array(list(map(int, texts)), np.int64) if clock.integer else clock.encode_texts(texts)
