"""The border: rows as a source delivered them become rows that can be stored, or are refused with a reason.

All of it works on whole columns; only refused rows are looked at one by one, to keep what they said.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns

__all__ = ["Sorted", "join", "let_in", "without_twins"]

TWIN = "the same series and time again in this slice; the last row was taken"
_KEPT = pa.schema([columns.OBSERVATIONS.field(name) for name in ("unique_id", "ds", "y", "available_at", "quality")])
_REFUSED = pa.schema([columns.QUARANTINE.field(name) for name in ("unique_id", "ds", "raw", "reason", "available_at")])

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sorted:
    """What can be stored, by series and time, and what cannot."""

    good: pa.Table
    """`unique_id, ds, y, available_at, quality`."""
    bad: pa.Table
    """`unique_id, ds, raw, reason, available_at`."""
    versioned: bool = False
    """The source itself says when each row was known: a series and time may come several times."""


def let_in(part: pa.Table, now: datetime | None = None) -> Sorted:
    """A part of a slice, as `series.delivered.table` made it.

    Missing: a row without a value is no row; neither stored nor refused
    """
    now = now or datetime.now(UTC)
    names = part[columns.UNIQUE_ID].combine_chunks().cast(pa.string())
    times, values = _times(part[columns.DS]), _numbers(part[columns.Y])
    empty = _is_null(part[columns.Y])
    versioned = columns.AVAILABLE_AT in part.column_names
    known = _times(part[columns.AVAILABLE_AT]) if versioned else pa.nulls(len(part), columns.TIME)
    known = pc.fill_null(known, pa.scalar(now, columns.TIME))
    quality = part["quality"].combine_chunks().cast(pa.string()) if "quality" in part.column_names else None
    reason = _reasons(names, times, values, empty)
    refused = reason != ""
    made = [names, times, values, known, quality if quality is not None else pa.nulls(len(part), pa.string())]
    whole = pa.table(made, schema=_KEPT)
    bad = _refused(whole.filter(refused), _raw(part.filter(refused)), reason[refused].tolist())
    return Sorted(whole.filter(~refused & ~empty), bad, versioned)


def join(parts: Sequence[Sorted]) -> Sorted:
    """Parts of one slice as one."""
    good, bad = (pa.concat_tables([getattr(one, name) for one in parts]) for name in ("good", "bad"))
    return Sorted(good, bad, any(one.versioned for one in parts))


def without_twins(found: Sorted) -> Sorted:
    """Rows by series and time, each once: of those that came twice the last is taken, and the others are refused."""
    order, again = _in_order(found.good, versioned=found.versioned)
    good = found.good if order is None else found.good.take(order)
    if not again.any():
        return Sorted(good, found.bad, found.versioned)
    twins = good.filter(again)
    bad = _refused(twins, _raw(twins.select([columns.UNIQUE_ID, columns.DS, columns.Y])), [TWIN] * len(twins))
    return Sorted(good.filter(~again), pa.concat_tables([found.bad, bad]), found.versioned)


def _in_order(rows: pa.Table, *, versioned: bool) -> "tuple[pa.Array | None, Mask]":
    """The order by series, time and arrival (None: as it is), and which rows in it are followed by their twin."""
    encoded = rows[columns.UNIQUE_ID].combine_chunks().dictionary_encode()
    names = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False))
    rank = np.empty(len(names), np.int64)
    rank[np.argsort(names, kind="stable")] = np.arange(len(names))
    series = rank[encoded.indices.to_numpy(zero_copy_only=False)]
    keys = [series, _micros(rows[columns.DS])]
    keys += [_micros(rows[columns.AVAILABLE_AT])] if versioned else []
    order = None
    if not _ascending(keys[0], keys[1]):
        sorting = np.lexsort(keys[::-1])
        order, keys = pa.array(sorting), [key[sorting] for key in keys]
    again = np.zeros(len(rows), bool)
    again[:-1] = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
    return order, again


def _ascending(series: "npt.NDArray[np.int64]", times: "npt.NDArray[np.int64]") -> bool:
    later = (series[1:] == series[:-1]) & (times[1:] > times[:-1])
    return bool(np.all((series[1:] > series[:-1]) | later))


def _reasons(names: pa.Array, times: pa.Array, values: pa.Array, empty: Mask) -> "npt.NDArray[np.object_]":
    """Why each row cannot be stored; empty where it can."""
    numbers = values.to_numpy(zero_copy_only=False)
    reason = np.full(len(names), "", object)
    reason[np.isinf(numbers)] = "infinite value"
    reason[np.isnan(numbers) & ~empty] = "value is no number"
    reason[times.is_null().to_numpy(zero_copy_only=False)] = "time is no time"
    reason[names.is_null().to_numpy(zero_copy_only=False)] = "no unique_id"
    return reason


def _refused(rows: pa.Table, raw: list[str], reasons: list[str]) -> pa.Table:
    made = [rows[columns.UNIQUE_ID], rows[columns.DS], pa.array(raw, pa.string()), pa.array(reasons, pa.string())]
    return pa.table([*made, rows[columns.AVAILABLE_AT]], schema=_REFUSED)


def _raw(rows: pa.Table) -> list[str]:
    """What each row said."""
    return [json.dumps(record, default=str) for record in rows.to_pylist()]


def _times(column: pa.ChunkedArray) -> pa.Array:
    """Times in UTC; null for what is none."""
    array = column.combine_chunks()
    if pa.types.is_timestamp(array.type):
        return array.cast(columns.TIME, safe=False)
    found = pd.to_datetime(array.to_pandas(), errors="coerce", utc=True, format="ISO8601")
    naive = found.dt.tz_convert(None).astype("datetime64[us]").to_numpy()
    return pa.array(naive, from_pandas=True).cast(columns.TIME)


def _numbers(column: pa.ChunkedArray) -> pa.Array:
    """Numbers; NaN for what is none."""
    array = column.combine_chunks()
    if pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_decimal(array.type):
        return pc.fill_null(array.cast(pa.float64(), safe=False), np.nan)
    found = pd.to_numeric(array.to_pandas(), errors="coerce").to_numpy(float, na_value=np.nan)
    return pa.array(found, pa.float64())


def _is_null(column: pa.ChunkedArray) -> Mask:
    found: Mask = column.is_null(nan_is_null=True).to_numpy()
    return found


def _micros(column: pa.ChunkedArray) -> Any:
    return column.combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
