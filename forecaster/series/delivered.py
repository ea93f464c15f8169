"""Rows as a source delivers them: Arrow tables `unique_id, ds, y`, not yet checked by the border."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
import pyarrow as pa

from forecaster import columns

__all__ = ["gathered", "table"]

_ROWS_AT_ONCE = 100_000


def table(
    unique_id: Any, ds: Any, y: Any, *, available_at: Any = None, quality: Any = None, refused: Any = None
) -> pa.Table:
    """A part of a slice. Each argument is a column (array, series, list), or one value for all rows.

    `refused` says why rows go to the quarantine, where the source knows it: null for all others.

    Shapes:  [rows] each; `ds` decides how many
    Units:   times in UTC; text in `ds` or `y` is kept, for the border to parse or to report
    Missing: rows with None or NaN in `y` are dropped; without `available_at`, rows are known from when they were read
    """
    given = {columns.UNIQUE_ID: unique_id, columns.DS: ds, columns.Y: y}
    given |= {
        name: column
        for name, column in ((columns.AVAILABLE_AT, available_at), ("quality", quality), ("refused", refused))
        if column is not None
    }
    times = _column(ds, 1)
    made = {name: _column(column, len(times)) for name, column in given.items()}
    for name in (columns.DS, columns.AVAILABLE_AT):
        if name in made and pa.types.is_timestamp(made[name].type):
            made[name] = made[name].cast(columns.TIME, safe=False)
    return pa.table(made)


def gathered(parts: Iterable[pa.Table], rows: int = _ROWS_AT_ONCE) -> Iterator[pa.Table]:
    """Joins small parts of a slice to parts of `rows`, since each part costs the store a file and a transaction."""
    kept: list[pa.Table] = []
    for part in (one for one in parts if one.num_rows):
        other = bool(kept) and not part.schema.equals(kept[0].schema)  # text among numbers stays what it was
        if kept and (other or len(kept[0]) >= rows):
            yield kept.pop()
        kept = [pa.concat_tables([*kept, part])]
    yield from kept


def _column(given: Any, rows: int) -> pa.Array | pa.ChunkedArray:
    if isinstance(given, (pa.Array, pa.ChunkedArray)):
        return given
    if isinstance(given, str) or not hasattr(given, "__len__"):
        return pa.repeat(pa.scalar(_plain(given)), rows)
    if isinstance(getattr(given, "dtype", None), pd.DatetimeTZDtype):
        naive = pd.DatetimeIndex(given).tz_convert(None).to_numpy()
        return pa.array(naive, from_pandas=True).cast(columns.TIME, safe=False)
    return _array(given)


def _array(values: Any) -> pa.Array:
    """A column of one kind; mixed kinds become text."""
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if pd.isna(value) else str(value) for value in values], pa.string())


def _plain(value: Any) -> Any:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
