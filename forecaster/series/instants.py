"""Converts times of sources into instants: naive, zoned, numbers since 1970, ISO texts, days."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns
from forecaster.errors import ConfigError
from forecaster.series.clock import comes_again

__all__ = ["UNITS", "instants", "zone"]

UNITS = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
"""Microseconds in each unit of a number that is a time."""


def zone(name: str) -> ZoneInfo:
    """A time zone by name. Raises: ConfigError for an unknown name"""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(f"unknown time zone '{name}'. Use a name like Europe/Paris or UTC.") from error


def instants(column: Any, timezone: str = "UTC", unit: str = "s", names: Any = None) -> Any:
    """A column of times as UTC microseconds; `names` are those of each row's series.

    Units:   numbers count `unit`s since 1970; times without a zone are wall-clock times in `timezone`. A doubled hour
        in autumn means its second occurrence, or the first one if that time comes again later in the same series; an
        hour skipped in spring means the first instant after it
    Missing: null stays null; a column with texts that are not times stays text, for the border to report them
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return instants(column.cast(kind.value_type), timezone, unit, names)
    if pa.types.is_timestamp(kind):
        moments = column.cast(pa.timestamp("us", kind.tz), safe=False)
        return moments.cast(columns.TIME) if kind.tz else _of_walls(moments, timezone, names)
    if pa.types.is_date(kind):
        return _of_walls(column.cast(pa.timestamp("us")), timezone, names)
    if pa.types.is_integer(kind) and unit != "ns":
        return pc.multiply(column.cast(pa.int64()), int(UNITS[unit])).cast(columns.TIME)
    if pa.types.is_integer(kind):
        return pc.divide(column.cast(pa.int64()), 1000).cast(columns.TIME)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        micros = pc.round(pc.multiply(column.cast(pa.float64()), UNITS[unit]))
        return pc.if_else(pc.is_finite(micros), micros, None).cast(pa.int64()).cast(columns.TIME)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _of_texts(column, timezone, names)
    return column


def _of_walls(moments: Any, timezone: str, names: Any) -> Any:
    """Wall clocks of a zone. pandas brings its own zones, where the machine may have none."""
    if timezone == "UTC":
        return moments.cast(columns.TIME)
    walls = pd.DatetimeIndex(moments.to_numpy(zero_copy_only=False).astype("datetime64[us]"))
    summer = np.zeros(len(walls), bool) if names is None else comes_again(walls, _codes(names))
    utc = walls.tz_localize(zone(timezone), ambiguous=summer, nonexistent="shift_forward").tz_convert(None)
    return pa.array(utc.to_numpy(), from_pandas=True).cast(columns.TIME)


def _codes(names: Any) -> Any:
    """A number for each name."""
    whole = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    return whole.dictionary_encode().indices.to_numpy()


def _of_texts(column: Any, timezone: str, names: Any) -> Any:
    for kind in (pa.timestamp("us"), columns.TIME):
        try:
            return instants(column.cast(kind), timezone, names=names)
        except pa.ArrowInvalid:
            continue
    texts = [_of_text(text, timezone) for text in column.to_pylist()]
    if any(isinstance(text, str) for text in texts):
        return pa.array([text if isinstance(text, str) else text and text.isoformat() for text in texts])
    return pa.array(texts, columns.TIME)


def _of_text(text: str | None, timezone: str) -> datetime | str | None:
    """The time of one text; the text itself if it is not a time."""
    try:
        found = datetime.fromisoformat(text.strip()) if text else None
    except ValueError:
        return text
    if found is None or found.tzinfo is not None:
        return found and found.astimezone(UTC)
    wall = pd.Timestamp(found).tz_localize(zone(timezone), ambiguous=False, nonexistent="shift_forward")
    return wall.tz_convert(UTC).to_pydatetime()
