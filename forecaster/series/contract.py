"""Data contracts: rules for the rows of a stream, `[pipelines.NAME.contract]` in the project file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from forecaster import options
from forecaster.errors import ConfigError
from forecaster.series.frequency import DAY, Ints, parse, parse_duration
from forecaster.series.grid import Floats, Objects

__all__ = ["Contract", "ContractCheck"]


@dataclass(frozen=True)
class ContractCheck:
    """The result of checking rows against a contract. Shapes: [rows] each"""

    times: Ints
    values: Floats
    reasons: Objects
    """What is wrong with each row, empty if nothing. In mode `coerce`, times and values are corrected instead."""


@dataclass(frozen=True, kw_only=True)
class Contract:
    """Rules that each row must meet; an empty rule accepts every row.

    Missing: rows without a value are dropped before
    """

    mode: Literal["freeze", "quarantine", "coerce"] = "quarantine"
    """What happens to rows that break a rule: `freeze` refuses their whole slice, `quarantine` sets them aside with the
    reason, `coerce` corrects them (nearest step, nearest end of the range) and marks them `mended` in the column
    quality."""
    step: str = ""
    """Rows lie on this grid, counted from 1970: `15min`, `h`, `D`, `B`, `MS`."""
    unit: str = ""
    """Unit of all series; empty: the first unit of each series."""
    range: list[float] = field(default_factory=list)
    """[lowest, highest] value."""
    duplicates: Literal["last", "first", "refuse"] = "last"
    """Which of two rows of one series and time in a slice is kept."""
    max_gap: str = ""
    """Longest time between two rows, such as `3h`; empty: one and a half steps. Only reported: no row is at fault."""
    stale: str = ""
    """Maximum age of the newest row, such as `2D`; only reported."""
    flat: int = 0
    """This many equal values in a row are a flat line; only reported. 0: never."""

    def __post_init__(self) -> None:
        if self.range and not (len(self.range) == 2 and self.range[0] <= self.range[1]):
            raise ValueError(f"range must be [lowest, highest], got {self.range}")
        if self.step and parse(self.step).kind == "fixed" and DAY % parse(self.step).size:
            raise ValueError(f"step must divide a day, or be B or months, got {self.step}")
        if self.flat < 0:
            raise ValueError(f"flat must be 0 or a number of rows, got {self.flat}")
        for name, length in (("max_gap", self.max_gap), ("stale", self.stale)):
            if length:
                _require_length(name, length)

    @classmethod
    def of(cls, values: Mapping[str, Any], *, where: str = "contract") -> "Contract":
        """From a section of the project file. Raises: ConfigError that names the wrong entry"""
        made: Contract = options.section(cls, values, "contract", where)
        return made

    def judge(self, times: Ints, values: Floats) -> ContractCheck:
        """Check rows against step and range."""
        reasons = np.full(len(times), "", object)
        nearest, within = self._on_grid(times), self._in_range(values)
        if self.mode == "coerce":
            return ContractCheck(nearest, within, reasons)
        if self.range:
            reasons[within != values] = f"value outside {self.range[0]:g} to {self.range[1]:g}"
        reasons[nearest != times] = f"time is not on the step {self.step}"
        return ContractCheck(times, values, reasons)

    def _on_grid(self, times: Ints) -> Ints:
        """The nearest time of the grid."""
        if not self.step:
            return times
        step, epoch = parse(self.step), np.zeros_like(times)
        return step.times(epoch, step.positions(times, epoch))

    def _in_range(self, values: Floats) -> Floats:
        return np.clip(values, self.range[0], self.range[1]) if self.range else values


def _require_length(name: str, text: str) -> None:
    """Check a length of time. Raises: ValueError that names the entry"""
    try:
        parse_duration(text)
    except ConfigError as error:
        raise ValueError(f"{name}: {str(error).rstrip('.')}") from error
