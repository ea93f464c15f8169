"""Cleans and sorts the rows of a long frame; each row has a name, a time and numbers."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.counted import counted
from forecaster.errors import DataError
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Labels, Objects
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles

__all__ = ["LARGEST", "Rows", "clean", "coded", "in_order", "numbers_in", "picked"]

_COMMA = r"-?\d+,\d+"
_POINTS = r"-?\d{1,3}(\.\d{3})+,\d+"
_THOUSANDS = r"-?\d{1,3}(,\d{3})+(\.\d+)?"
_SPACES = r"-?\d{1,3}(\s\d{3})+(\.\d+)?"
_WITH_UNIT = r"[^\w\s-]\s?-?\d[\d.,]*\D{0,4}|-?\d[\d.,]*\s?[^\d\s.,:/-]{1,4}"
_NO_NUMBERS = {
    "timedelta": "Convert durations to seconds (dt.total_seconds()).",
    "complex": "Give their real parts, or their sizes.",
    "date": "Name another column, or leave this one out.",
    "period": "Name another column, or leave this one out.",
}
"""Advice for columns of unsupported kinds."""
LARGEST = 1e36
"""Maximum size of values: forecasts are written as float32 and must not overflow."""


@dataclass(frozen=True)
class Rows:
    """Clean rows of the input, sorted by series and time."""

    names: Objects
    codes: Ints
    times: Ints
    source: Ints
    """The input row from which each row came."""
    numbers: Floats
    """[rows, targets + past + future + static]"""
    doubles: Ints
    """[duplicates, 2]: an input row that shares its time with a later one, and that later row."""
    static_labels: Labels


def clean(frame: pd.DataFrame, roles: Roles, clock: Clock, quality: Quality) -> Rows:
    """Rows with a name and a time, their numbers finite or NaN."""
    static = [coded(frame[name], quality) for name in roles.static]
    varying = [numbers_in(frame[name], quality) for name in (*roles.targets, *roles.covariates)]
    numbers = np.column_stack([*varying, *(values for values, _ in static)])
    endless = np.abs(numbers) > LARGEST
    if endless.any():
        reason = f"infinite values, or beyond {LARGEST:g}, read as missing"
        quality.add("repair", reason, rows=int(endless.any(axis=1).sum()))
        numbers[endless] = np.nan
    present = (frame[columns.UNIQUE_ID].notna() & frame[columns.DS].notna()).to_numpy()
    if not present.all():
        quality.add("repair", "rows without unique_id or ds left out", rows=int((~present).sum()))
    kept = frame.loc[present, [columns.UNIQUE_ID, columns.DS]]
    codes, names = _named(kept[columns.UNIQUE_ID])
    times = clock.encode(kept[columns.DS], codes.astype(np.int64))
    source = np.flatnonzero(present)
    none = np.zeros((0, 2), np.int64)
    labels = tuple(names for _, names in static)
    return Rows(np.asarray(names, object), codes.astype(np.int64), times, source, numbers[present], none, labels)


def _named(column: "pd.Series[Any]") -> tuple[Any, Any]:
    """Number of each row's series, and the names of the series; 1 and '1' are the same name."""
    codes, names = pd.factorize(column)
    if len({str(name) for name in names}) < len(names):
        codes, names = pd.factorize(column.astype("str"))
    return codes, names


def numbers_in(column: "pd.Series[Any]", quality: Quality) -> Floats:
    """A column as numbers, NaN where it is empty. Raises: DataError for a value that is no number"""
    _require_real(column)
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column, np.float64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.isna() & ~_empty(column)).any() and _has_thousands(column):
        quality.add("note", f"column '{column.name}': commas read as marks of thousands")
        numbers = pd.to_numeric(column.astype("str").str.replace(",", ""), errors="coerce")
    bad = numbers.isna() & ~_empty(column)
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"column '{column.name}': {counted(int(bad.sum()), 'value is no number', 'values are no numbers')}, first {column.iloc[row]!r} in row {row} (line {row + 2} of a CSV file). "
            + _advice(str(column.iloc[row]).strip())
        )
    return np.asarray(numbers.to_numpy(np.float64, na_value=np.nan))


def _has_thousands(column: "pd.Series[Any]") -> bool:
    """Whether commas in texts can be nothing else: each stands before three digits, in one text before a point or a comma."""
    texts = column[~_empty(column)].astype("str").str.strip()
    marked = texts[texts.str.contains(",", regex=False)] if len(texts) else texts
    return bool(len(marked) and marked.str.fullmatch(_THOUSANDS).all() and not marked.str.fullmatch(_COMMA).all())


def _require_real(column: "pd.Series[Any]") -> None:
    """Check the kind of a column. Raises: DataError for kinds without an obvious conversion to numbers"""
    kind = pd.api.types.infer_dtype(column, skipna=True) if column.dtype == object else str(column.dtype)
    advice = next((advice for name, advice in _NO_NUMBERS.items() if kind.startswith(name)), None)
    if advice is not None:
        raise DataError(f"column '{column.name}' holds {kind} values, which are no numbers. {advice}")


def _advice(text: str) -> str:
    """Advice on a text that is not a number."""
    if re.fullmatch(_THOUSANDS, text):
        whole = text.replace(",", "")
        other = f" or {text.replace(',', '.')}" if re.fullmatch(_COMMA, text) else ""
        mark = " (--decimal , reads commas so)" if other else ""
        return f"That is {whole}{other}: write numbers with no comma, and decimals after a point{mark}."
    if re.fullmatch(_POINTS, text):
        whole = text.replace(".", "").replace(",", ".")
        return f"That is {whole}: write numbers so, or read a file with --decimal ,"
    if re.fullmatch(_SPACES, text):
        return f"That is {''.join(text.split())}: write numbers with no space."
    if re.fullmatch(_COMMA, text):
        return "Write decimal points, not commas, or read a file with --decimal ,"
    if re.fullmatch(_WITH_UNIT, text):
        return "Write numbers alone, without unit, currency or brackets."
    return "Leave such cells empty, or drop the rows; only --static columns may hold text."


def coded(column: "pd.Series[Any]", quality: Quality) -> tuple[Floats, tuple[str, ...]]:
    """The numbers of a column, and no labels; for a text column, each row's label number (NaN if empty), and labels."""
    if not _is_text(column):
        return numbers_in(column, quality), ()
    text = column.astype("str").str.strip().where(~_empty(column))
    codes, labels = pd.factorize(text, sort=True)
    return np.where(codes < 0, np.nan, codes), tuple(map(str, labels))


def _is_text(column: "pd.Series[Any]") -> bool:
    """Whether a column holds categories. If most of its values are numbers, the others count as mistakes instead."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return True
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        return False
    given = column[~_empty(column)]
    numeric = pd.to_numeric(given, errors="coerce").notna() | given.astype("str").str.strip().str.fullmatch(_COMMA)
    return bool(2 * numeric.sum() < len(given))


def _empty(column: "pd.Series[Any]") -> "pd.Series[bool]":
    return column.isna() | column.astype("str").str.strip().str.lower().isin(["", "nan", "na", "null", "none"])


def in_order(rows: Rows, quality: Quality) -> Rows:
    """Rows sorted by series and time; of rows that share both, the last is kept."""
    same = rows.codes[1:] == rows.codes[:-1]
    grouped = not (np.diff(rows.codes) < 0).any()
    if grouped and not (same & (np.diff(rows.times) < 0)).any():
        order = np.arange(len(rows.times))
    else:
        order = np.lexsort((np.arange(len(rows.times)), rows.times, rows.codes))
        behind = np.flatnonzero(_out_of_order(rows))
        if len(behind):
            quality.add("repair", "rows out of time order sorted", rows=len(behind))
    rows = picked(rows, order)
    last = np.ones(len(rows.times), bool)
    last[:-1] = (rows.codes[1:] != rows.codes[:-1]) | (rows.times[1:] != rows.times[:-1])
    if not last.all():
        names, counts = np.unique(rows.names[rows.codes[~last]].astype(str), return_counts=True)
        quality.add_series("repair", "duplicate times: the last row wins", zip(names, map(int, counts), strict=True))
    kept = np.flatnonzero(last)
    twins = kept[np.searchsorted(kept, np.flatnonzero(~last))]
    doubles = np.column_stack([rows.source[~last], rows.source[twins]])
    return replace(picked(rows, kept), doubles=doubles)


def _out_of_order(rows: Rows) -> Bools:
    """Rows whose time is before that of an earlier row of the same series."""
    order = np.argsort(rows.codes, kind="stable")
    codes, times = rows.codes[order], rows.times[order]
    behind = np.zeros(len(order), bool)
    behind[1:] = (codes[1:] == codes[:-1]) & (times[1:] < times[:-1])
    return behind


def picked(rows: Rows, chosen: Ints) -> Rows:
    return replace(
        rows,
        codes=rows.codes[chosen],
        times=rows.times[chosen],
        source=rows.source[chosen],
        numbers=rows.numbers[chosen],
    )
