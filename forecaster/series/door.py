"""The door: a table of whatever series, with or without names, as the long frame that `check` proves."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from forecaster import columns
from forecaster.errors import DataError
from forecaster.series.roles import Roles

__all__ = ["ALONE", "long"]

ALONE = "series"
"""Name of the series of a table that names none: the same for every file, so that the next one goes on from the last."""
_REPEATS = 0.1
"""Share of times that come again from which on a table without names may hold several series."""


def long(data: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """A frame `unique_id, ds` and all other columns, its rows numbered from 0; one without `unique_id` is one series.

    Names and times may stand in the index.

    Raises: DataError where times come again and a column seems to say which series a row is of
    """
    frame = _without_index(data)
    if columns.UNIQUE_ID in frame.columns or len(frame) == 0:
        return frame
    if columns.DS in frame.columns:
        _require_one_series(frame, roles)
    return frame.assign(**{columns.UNIQUE_ID: pd.array([ALONE] * len(frame), dtype="str")})


def _without_index(frame: pd.DataFrame) -> pd.DataFrame:
    """Names and times that stand in the index, as columns; any other index numbers rows only."""
    plain = frame.reset_index(drop=True)
    for name, level in _levels(frame):
        if name is not None and name not in plain.columns:
            plain = plain.assign(**{name: pd.Series(level.array, plain.index)})
    return plain


def _levels(frame: pd.DataFrame) -> Iterator[tuple[Any, pd.Index]]:
    """Levels of the index by name; the only one of times is `ds`, whatever it is called, where nothing else is."""
    levels = [frame.index.get_level_values(number) for number in range(frame.index.nlevels)]
    times = [isinstance(level, pd.DatetimeIndex | pd.PeriodIndex) for level in levels]
    others = columns.DS in frame.columns or columns.DS in frame.index.names or sum(times) > 1
    for number, (level, is_time) in enumerate(zip(levels, times, strict=True)):
        unnamed = f"level_{number}" if len(levels) > 1 else None  # as pandas calls it
        yield columns.DS if is_time and not others else unnamed if level.name is None else level.name, level


def _require_one_series(frame: pd.DataFrame, roles: Roles) -> None:
    """Raises: DataError where most that looks like several rows of one time is of one series each, by another column"""
    again = _repeats(frame, [])
    if again < _REPEATS:
        return
    telling = [str(name) for name in frame.columns if _may_name(frame, name, roles)]
    left = {name: _repeats(frame, [name]) for name in telling}
    best = min(left, key=left.__getitem__, default=None)
    if best is not None and left[best] < _REPEATS:
        raise DataError(
            f"no column 'unique_id', and {again:.0%} of the times come again: column '{best}' seems to say which series "
            f"a row is of. Name it with --columns unique_id={best}, or rename it."
        )
    if len(telling) > 1 and _repeats(frame, telling) < _REPEATS:
        raise DataError(
            f"no column 'unique_id', and {again:.0%} of the times come again: columns {', '.join(telling)} together seem "
            "to say which series a row is of. Join them into one column unique_id."
        )


def _repeats(frame: pd.DataFrame, names: list[str]) -> float:
    """Share of rows whose time, and what these columns say, an earlier row has, too."""
    return float(frame.dropna(subset=[columns.DS]).duplicated([*names, columns.DS]).mean())


def _may_name(frame: pd.DataFrame, name: Any, roles: Roles) -> bool:
    """Has a column few values, of a kind that names things, and no other part to play?"""
    if not isinstance(name, str) or name in {columns.DS, *roles.targets, *roles.covariates, *columns.IGNORED}:
        return False
    column = frame[name]
    number = pd.api.types.is_float_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    return not number and bool(2 * column.nunique() <= len(frame))
