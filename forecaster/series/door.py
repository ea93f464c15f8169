"""The door: a table of whatever series, with or without names, as the long frame that `check` proves."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from forecaster import columns
from forecaster.errors import DataError
from forecaster.series.likely import alike, lacking, naming, repeats
from forecaster.series.roles import Roles

__all__ = ["ALONE", "long", "plain"]

ALONE = "series"
"""Name of the series of a table that names none: the same for every file, so that the next one goes on from the last."""


def long(data: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """A frame `unique_id, ds` and all other columns, its rows numbered from 0; one without `unique_id` is one series.

    Names and times may stand in the index.

    Raises: DataError for a column that is absent, or where times come again and another column seems to say which series a
        row is of
    """
    frame = plain(data)
    if len(frame) == 0:
        return frame
    absent = [name for name in roles.columns if name not in frame.columns]
    if not absent:
        return frame
    needed = absent if alike(frame, columns.UNIQUE_ID) else [name for name in absent if name != columns.UNIQUE_ID]
    if needed:
        raise DataError(lacking(frame, needed, roles))
    _require_one_series(frame, roles)
    return frame.assign(**{columns.UNIQUE_ID: pd.array([ALONE] * len(frame), dtype="str")})


def plain(frame: pd.DataFrame) -> pd.DataFrame:
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
    """Raises: DataError where most that looks like several rows of one time is of one series each, by other columns"""
    names = naming(frame, columns.DS, roles)
    if not names:
        return
    again = f"no column 'unique_id', and {repeats(frame, [columns.DS]):.0%} of the times come again"
    if len(names) == 1:
        raise DataError(
            f"{again}: column '{names[0]}' seems to say which series a row is of. "
            f"Name it with --columns unique_id={names[0]}, or rename it."
        )
    raise DataError(
        f"{again}: columns {', '.join(names)} together seem to say which series a row is of. "
        "Join them into one column unique_id."
    )
