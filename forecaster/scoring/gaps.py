"""The meaning of missing values: nothing, a repetition of the last value, or a silent series."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from forecaster.errors import ConfigError, DataError
from forecaster.series import table
from forecaster.series.frequency import Frequency, Ints, parse_duration
from forecaster.series.grid import Bools, Grid

__all__ = ["Meaning", "Meanings", "filled_forward", "require_time_outs", "since_value"]

_GAPS = ("ignore", "hold", "alarm")
_HELP = "Give a duration like 6h, a number of steps, or a table with columns unique_id, silent_after and perhaps gaps."

TimeOut = tuple[str, str, str]
"""Name of a series, empty for all others; its time-out, empty for none; its rule for gaps, empty for the default."""


@dataclass(frozen=True)
class Meaning:
    """The meaning of missing values in one series."""

    holds: bool = False
    """Whether the last value is repeated, until the series is silent."""
    limit: int | None = None
    """Steps after the last value from which the series counts as silent; None for never."""

    @classmethod
    def of(cls, gaps: str, after: str, step: Frequency) -> "Meaning":
        """From the rules `gaps` and `silent_after`. Raises: ConfigError for a duration if times are integers"""
        limit = _steps(after, step) if after else (1 if gaps == "alarm" else None)
        return cls(gaps == "hold", limit)


@dataclass(frozen=True)
class Meanings:
    """The meaning of missing values for each series of one step."""

    usual: Meaning
    named: Mapping[str, Meaning] = field(default_factory=dict)

    @classmethod
    def of(cls, gaps: str, silent_after: str, step: Frequency) -> "Meanings":
        """From the rules `gaps` and `silent_after`. Raises: ConfigError for an invalid time-out"""
        named = {name: Meaning.of(own or gaps, after, step) for name, after, own in require_time_outs(silent_after)}
        return cls(named.pop("", Meaning.of(gaps, "", step)), named)

    def __bool__(self) -> bool:
        return any(one != Meaning() for one in (self.usual, *self.named.values()))

    def __getitem__(self, name: str) -> Meaning:
        return self.named.get(name, self.usual)


def require_time_outs(text: str) -> list[TimeOut]:
    """Time-outs from a text, or from the table it names. Raises: ConfigError if it is neither"""
    if table.is_table(Path(text.strip())):
        return _of_table(Path(text.strip()))
    _require_time_out(text.strip())
    return [("", text.strip(), "")]


def since_value(missing_T: Bools) -> Ints:
    """Number of rows since the last value: 0 for a row that has one, and before the first value."""
    position_T = np.arange(len(missing_T))
    last_T = np.maximum.accumulate(np.where(missing_T, -1, position_T))
    return np.where(last_T < 0, 0, position_T - last_T)


def filled_forward(grid: Grid, meanings: Meanings) -> Grid:
    """A grid with missing values filled by the last value, in series where that is the rule."""
    if not meanings:
        return grid
    y = grid.y.copy()
    for s in range(grid.series):
        meaning, values_T = meanings[str(grid.unique_id[s])], y[grid.offsets[s] : grid.offsets[s + 1]]
        if meaning.holds:
            ago_T = since_value(np.isnan(values_T))
            ago_T[ago_T >= (meaning.limit or len(y) + 1)] = 0
            values_T[:] = values_T[np.arange(len(values_T)) - ago_T]
    return replace(grid, y=y)


def _steps(after: str, step: Frequency) -> int:
    """A time-out in steps, rounded up."""
    if after.isdigit():
        return int(after)
    if step.kind == "integer":
        raise ConfigError(
            f"rules.silent_after: '{after}' is a duration, but 'ds' holds integers. Give a number of steps."
        )
    return max(1, math.ceil(parse_duration(after) / step.micros))


def _require_time_out(text: str) -> None:
    try:
        right = not text or (int(text) > 0 if text.isdigit() else parse_duration(text) > 0)
    except ConfigError as error:
        raise ConfigError(f"rules.silent_after: '{text}' is not a time-out. {_HELP}") from error
    if not right:
        raise ConfigError(f"rules.silent_after: '{text}' must be at least 1 step.")


def _of_table(path: Path) -> list[TimeOut]:
    try:
        frame = table.read(path)
    except DataError as error:
        raise ConfigError(f"rules.silent_after: {error}") from error
    if not {"unique_id", "silent_after"} <= set(frame.columns):
        raise ConfigError(f"rules.silent_after: '{path}' has no columns unique_id and silent_after.")
    texts = frame.reindex(columns=["unique_id", "silent_after", "gaps"]).astype(object)
    found = [tuple(map(str, row)) for row in texts.where(texts.notna(), "").itertuples(index=False)]
    for name, after, gaps in found:
        _require_time_out(after.removesuffix(".0"))
        if gaps not in ("", *_GAPS):
            raise ConfigError(f"rules.silent_after: '{path}': gaps of '{name}' are '{gaps}', not {', '.join(_GAPS)}.")
    return [(name, after.removesuffix(".0"), gaps) for name, after, gaps in found]
