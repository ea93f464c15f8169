"""The door: turns any table of series, from pandas or not, with or without names, into the long frame for `check`."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol, TypeAlias, Union

import pandas as pd
import pyarrow as pa

from forecaster import columns
from forecaster.errors import DataError
from forecaster.series.likely import alike, is_of_a_day, lacking, naming, repeats
from forecaster.series.roles import Roles

__all__ = ["ALONE", "Table", "long", "plain"]

ALONE = "series"
"""Name of the series in a table without names: the same for every file, so that a later file continues it."""


class _Arrow(Protocol):
    """A table of pyarrow, polars or any other library that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


Table: TypeAlias = Union[pd.DataFrame, "pd.Series[Any]", Mapping[str, Any], _Arrow]
"""What is accepted as a table: a frame, a series indexed by time, a mapping of columns."""


def long(data: Table, roles: Roles) -> pd.DataFrame:
    """A frame `unique_id, ds` and all other columns, its rows numbered from 0; one without `unique_id` is one series.

    Names and times may stand in the index.

    Raises: DataError for what is no table, for a column that is absent, or where times come again and another column seems
        to say which series a row is of
    """
    frame = plain(data)
    if len(frame) == 0:
        return frame
    absent = [name for name in roles.columns if name not in frame.columns]
    needed = absent if alike(frame, columns.UNIQUE_ID) else [name for name in absent if name != columns.UNIQUE_ID]
    if needed:
        raise DataError(lacking(frame, needed, roles))
    if absent:
        _require_one_series(frame, roles)
        frame = frame.assign(**{columns.UNIQUE_ID: pd.array([ALONE] * len(frame), dtype="str")})
    return frame


def plain(data: Table) -> pd.DataFrame:
    """A frame of columns of pandas' own kinds, those that stand in the index, too; any other index numbers rows only.

    Raises: DataError for what is no table, has two columns of one name, or names of several levels
    """
    frame = _frame(data)
    if frame.columns.nlevels > 1:
        raise DataError(
            f"columns have names of {frame.columns.nlevels} levels, such as {frame.columns[0]}. Give them one each: "
            "frame.stack(future_stack=True) makes rows of a level, frame.columns = ['_'.join(map(str, name)) for name in "
            "frame.columns] joins them."
        )
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise DataError(f"two columns are called '{twice}'. Rename one, or leave it out.")
    own = frame.reset_index(drop=True)
    for name, level in _levels(frame):
        if name is not None and name not in own.columns:
            own = own.assign(**{name: pd.Series(level.array, own.index)})
    for name in [name for name, kind in own.dtypes.items() if isinstance(kind, pd.ArrowDtype)]:
        own[name] = _known(own[name])
    if columns.DS in own.columns and not pd.api.types.is_datetime64_any_dtype(own[columns.DS].dtype):
        own[columns.DS] = _times(own[columns.DS])
    return own


def _frame(data: Any) -> pd.DataFrame:
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, pd.Series):
        return data.to_frame(columns.Y)
    if hasattr(data, "__arrow_c_stream__"):
        found: pd.DataFrame = pa.table(data).to_pandas(date_as_object=False)
        return found
    if not isinstance(data, Mapping):
        raise DataError(
            f"expected a table of unique_id, ds, y, got {type(data).__name__}. Give a frame, or a dict of its columns."
        )
    try:
        return pd.DataFrame(dict(data))
    except ValueError as error:
        raise DataError(
            f"the columns of a dict make no table: {error}. Give each as many values as the others."
        ) from error


def _levels(frame: pd.DataFrame) -> Iterator[tuple[Any, pd.Index]]:
    """Levels of the index by name; the only one of times is `ds`, whatever it is called, where nothing else is."""
    levels = [frame.index.get_level_values(number) for number in range(frame.index.nlevels)]
    times = [isinstance(level, pd.DatetimeIndex | pd.PeriodIndex) for level in levels]
    others = columns.DS in frame.columns or columns.DS in frame.index.names or sum(times) > 1
    for number, (level, is_time) in enumerate(zip(levels, times, strict=True)):
        unnamed = f"level_{number}" if len(levels) > 1 else None  # as pandas calls it
        yield columns.DS if is_time and not others else unnamed if level.name is None else level.name, level


def _known(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column that pandas keeps for Arrow, as it keeps its own; numbers are the same to it."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column
    found = pa.table({"": pa.array(column)}).to_pandas(date_as_object=False)[""]
    return pd.Series(found.array, column.index, name=column.name)


def _times(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Periods by their starts, and times that are kept as categories or as any objects, as times."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) in ("datetime", "datetime64"):
        with suppress(ValueError):  # of several zones: they are read one by one
            return pd.to_datetime(column)
    return column


def _require_one_series(frame: pd.DataFrame, roles: Roles) -> None:
    """Raises: DataError where most that looks like several rows of one time is of one series each, by other columns"""
    names = naming(frame, columns.DS, roles)
    if not names:
        return
    again = f"no column 'unique_id', and {repeats(frame, [columns.DS]):.0%} of the times come again"
    if len(names) == 1 and is_of_a_day(names[0]):
        raise DataError(f"{again}: column '{names[0]}' seems to be a part of the time. Join both into one column ds.")
    if len(names) == 1:
        raise DataError(
            f"{again}: column '{names[0]}' seems to say which series a row is of. "
            f"Name it with --columns unique_id={names[0]}, or rename it."
        )
    raise DataError(
        f"{again}: columns {', '.join(names)} together seem to say which series a row is of. "
        "Join them into one column unique_id."
    )
