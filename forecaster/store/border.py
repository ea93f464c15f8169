"""The border of the store: rows from a source become rows that can be stored, or are refused with a reason.

Everything works on whole columns; only refused rows are handled one by one, to keep their original text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns
from forecaster.counted import counted
from forecaster.errors import DataError
from forecaster.series.contract import Contract
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Objects

__all__ = ["TWIN", "Sorted", "held_to_contract", "join", "let_in", "without_twins"]

TWIN = "the same series and time again in this slice"
"""First words of the reason for a duplicate row."""
_KEPT = pa.schema([columns.OBSERVATIONS.field(name) for name in ("unique_id", "ds", "y", "available_at", "quality")])
_REFUSED = pa.schema([columns.QUARANTINE.field(name) for name in ("unique_id", "ds", "raw", "reason", "available_at")])


@dataclass(frozen=True)
class Sorted:
    """Rows that can be stored, sorted by series and time, and rows that cannot."""

    good: pa.Table
    """`unique_id, ds, y, available_at, quality`."""
    bad: pa.Table
    """`unique_id, ds, raw, reason, available_at`."""
    versioned: bool = False
    """Whether the source says when each row became known, so that a series and time may occur several times."""


def let_in(part: pa.Table, now: datetime | None = None) -> Sorted:
    """Check a part of a slice, as made by `series.delivered.table`.

    Missing: a row without a value is dropped, neither stored nor refused
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
    if "refused" in part.column_names:
        why = part["refused"].to_numpy()
        reason = np.where(pd.isna(why), reason, why)
    refused = reason != ""
    made = [names, times, values, known, quality if quality is not None else pa.nulls(len(part), pa.string())]
    whole = pa.table(made, schema=_KEPT)
    bad = _refused(whole.filter(refused), _raw(part.filter(refused)), reason[refused].tolist())
    return Sorted(whole.filter(~refused & ~empty), bad, versioned)


def join(parts: Sequence[Sorted]) -> Sorted:
    """Parts of one slice as one."""
    good, bad = (pa.concat_tables([getattr(one, name) for one in parts]) for name in ("good", "bad"))
    return Sorted(good, bad, any(one.versioned for one in parts))


def held_to_contract(found: Sorted, contract: Contract, units: Mapping[str, str] | None = None) -> Sorted:
    """Check rows against a contract; `units` has the reasons for refusing series whose unit has changed.

    Raises: DataError in mode `freeze`, for the first row that breaks a rule
    """
    good = found.good
    checked = contract.judge(_micros(good[columns.DS]), good[columns.Y].to_numpy())
    reasons = checked.reasons
    for name, why in (units or {}).items():
        reasons[pc.equal(good[columns.UNIQUE_ID], name).to_numpy()] = why
    if contract.mode == "coerce":
        good = _mended(good, pa.array(checked.times).cast(columns.TIME), pa.array(checked.values, pa.float64()))
    return _parted(Sorted(good, found.bad, found.versioned), reasons, contract)


def _mended(good: pa.Table, times: pa.Array, values: pa.Array) -> pa.Table:
    changed = pc.or_(pc.not_equal(good[columns.DS], times), pc.not_equal(good[columns.Y], values))
    quality = pc.if_else(changed, "mended", good["quality"])
    for place, column in ((1, times), (2, values), (4, quality)):
        good = good.set_column(place, _KEPT.field(place), column)
    return good


def without_twins(found: Sorted, contract: Contract | None = None) -> Sorted:
    """Rows by series and time without duplicates: the last one is kept, or as the contract says."""
    contract = contract or Contract()
    order, again = _in_order(found.good, versioned=found.versioned)
    good = found.good if order is None else found.good.take(order)
    if not again.any():
        return Sorted(good, found.bad, found.versioned)
    before = np.zeros(len(again), bool)
    before[1:] = again[:-1]
    refused = {"last": again, "first": before, "refuse": again | before}[contract.duplicates]
    taken = {"last": "; the last row was taken", "first": "; the first row was taken", "refuse": ""}
    reasons = np.where(refused, TWIN + taken[contract.duplicates], "").astype(object)
    strict = contract if contract.duplicates == "refuse" else Contract()
    return _parted(Sorted(good, found.bad, found.versioned), reasons, strict)


def _parted(found: Sorted, reasons: Objects, contract: Contract) -> Sorted:
    """Keep rows without a reason and refuse the others; in mode `freeze`, refuse all."""
    refused = reasons != ""
    if not refused.any():
        return found
    rows = found.good.filter(refused)
    if contract.mode == "freeze":
        first = rows.slice(0, 1).to_pylist()[0]
        raise DataError(
            f"{counted(len(rows), 'row breaks', 'rows break')} the contract, the first of series '{first['unique_id']}' at "
            f"{first['ds']:%Y-%m-%dT%H:%M:%SZ} ({first['y']:g}): {reasons[refused][0]}. Mode freeze takes nothing of the slice: "
            "mend the source, or the pipeline's contract"
        )
    bad = _refused(rows, _raw(rows.select([columns.UNIQUE_ID, columns.DS, columns.Y])), reasons[refused].tolist())
    return Sorted(found.good.filter(~refused), pa.concat_tables([found.bad, bad]), found.versioned)


def _in_order(rows: pa.Table, *, versioned: bool) -> "tuple[pa.Array | None, Bools]":
    """The order by series, time and arrival (None: already in order), and which rows in it precede a duplicate."""
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


def _ascending(series: Ints, times: Ints) -> bool:
    later = (series[1:] == series[:-1]) & (times[1:] > times[:-1])
    return bool(np.all((series[1:] > series[:-1]) | later))


def _reasons(names: pa.Array, times: pa.Array, values: pa.Array, empty: Bools) -> Objects:
    """Why each row cannot be stored; empty if it can."""
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
    """The original text of each row."""
    kept = [name for name in rows.column_names if name != "refused"]
    return [json.dumps(record, default=str) for record in rows.select(kept).to_pylist()]


def _times(column: pa.ChunkedArray) -> pa.Array:
    """Times in UTC; null for invalid ones."""
    array = column.combine_chunks()
    if pa.types.is_timestamp(array.type):
        return array.cast(columns.TIME, safe=False)
    found = pd.to_datetime(array.to_pandas(), errors="coerce", utc=True, format="ISO8601")
    naive = found.dt.tz_convert(None).astype("datetime64[us]").to_numpy()
    return pa.array(naive, from_pandas=True).cast(columns.TIME)


def _numbers(column: pa.ChunkedArray) -> pa.Array:
    """Numbers; NaN for invalid ones."""
    array = column.combine_chunks()
    if pa.types.is_floating(array.type) or pa.types.is_integer(array.type) or pa.types.is_decimal(array.type):
        return pc.fill_null(array.cast(pa.float64(), safe=False), np.nan)
    found = pd.to_numeric(array.to_pandas(), errors="coerce").to_numpy(float, na_value=np.nan)
    return pa.array(found, pa.float64())


def _is_null(column: pa.ChunkedArray) -> Bools:
    found: Bools = column.is_null(nan_is_null=True).to_numpy()
    return found


def _micros(column: pa.ChunkedArray) -> Any:
    return column.combine_chunks().cast(pa.int64()).to_numpy(zero_copy_only=False)
