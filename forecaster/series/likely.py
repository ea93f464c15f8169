"""Guesses which columns of a table are meant if the expected ones are absent."""

import difflib
import re
import shlex
import warnings
from collections.abc import Sequence
from typing import Any

import pandas as pd

from forecaster import columns
from forecaster.series.csv_file import grouped
from forecaster.series.roles import Roles

__all__ = ["alike", "is_of_a_day", "lacking", "naming", "repeats"]

REPEATS = 0.1
"""With at least this share of repeated times, a table may hold several series."""
_TIMES = (
    "ds",
    "date",
    "datetime",
    "timestamp",
    "time",
    "day",
    "week",
    "month",
    "quarter",
    "year",
    "period",
    "step",
    "t",
    "datum",
    "monat",
    "jahr",
    "zeit",
)
_OF_A_DAY = ("hour", "hours", "time", "minute", "second", "period", "slot")
_VALUES = ("y", "value", "values", "target")
_NUMBER = r"[+-]?\d[\d.,\s]*"
_DECIMAL_COMMA = rf"[+-]?\d+,\d+|{grouped('.', ',')}"
_SAMPLE = 50
_SHOWN = 5


def lacking(frame: pd.DataFrame, absent: Sequence[str], roles: Roles) -> str:
    """The message about absent columns: which, what was found, and how to name those that are likely meant."""
    wanted, found = ", ".join(roles.columns), ", ".join(map(str, frame.columns))
    return (
        f"no column '{absent[0]}'. Expected a long table with {wanted}; found {found}.{_advice(frame, absent, roles)}"
    )


def alike(frame: pd.DataFrame, name: str) -> str | None:
    """The column of this name, apart from capitals and spaces."""
    return next((one for one in map(str, frame.columns) if one.strip().lower() == name), None)


def naming(frame: pd.DataFrame, time: str, roles: Roles) -> tuple[str, ...]:
    """Columns that seem to name a row's series if times repeat: one, or several together; empty for none."""
    if repeats(frame, [time]) < REPEATS:
        return ()
    telling = [str(name) for name in frame.columns if name != time and _may_name(frame, name, roles)]
    left = {name: repeats(frame, [name, time]) for name in telling}
    best = min(left, key=left.__getitem__, default=None)
    if best is not None and left[best] < REPEATS:
        return (best,)
    return tuple(telling) if telling and repeats(frame, [*telling, time]) < REPEATS else ()


def is_of_a_day(name: str) -> bool:
    """Whether a column next to a date is a time of day, not a name."""
    return name.strip().lower() in _OF_A_DAY


def repeats(frame: pd.DataFrame, names: list[str]) -> float:
    """Share of rows that repeat an earlier row in these columns, of which the last holds times."""
    return float(frame.dropna(subset=names[-1:]).duplicated(names).mean())


def _may_name(frame: pd.DataFrame, name: Any, roles: Roles) -> bool:
    """Whether a column could hold names: few distinct values, of a suitable kind, and no other role."""
    if not isinstance(name, str) or name in {*roles.targets, *roles.covariates, *columns.IGNORED}:
        return False
    column = frame[name]
    other = pd.api.types.is_float_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype)
    nested = pd.api.types.infer_dtype(column, skipna=True) == "mixed"  # lists and the like cannot be compared
    return not other and not nested and bool(2 * column.nunique() <= len(frame))


def _advice(frame: pd.DataFrame, absent: Sequence[str], roles: Roles) -> str:
    """Advice on the flags that name the likely columns."""
    if all(re.fullmatch(_NUMBER, str(name)) for name in list(frame.columns)[-1:]):
        return " The first line seems to be a row already. Write one with the names of the columns above it."
    time = columns.DS if columns.DS in frame.columns else _time(frame, roles)
    if time is None and len(across := _times_across(frame)) > 1:
        return f" Times stand side by side, first '{across[0]}'. Turn them into rows: one per series and time."
    name = columns.UNIQUE_ID if columns.UNIQUE_ID in frame.columns else _name(frame, time, roles)
    values = _values(frame, {time, name}, roles) if columns.Y in absent else []
    y = values[0] if len(values) == 1 else None
    meant = {columns.UNIQUE_ID: name, columns.DS: time, columns.Y: y}
    pairs = ",".join(f"{ours}={theirs}" for ours, theirs in meant.items() if theirs not in (None, ours))
    flag = f"--columns {shlex.quote(pairs)}" if pairs else ""
    if len(values) > 1:
        shown = shlex.quote(",".join(values[:_SHOWN])) + (",..." if len(values) > _SHOWN else "")
        targets = f"{flag} --targets {shown}".strip()
        return f" Name the columns to forecast: {targets} (--channels in detect and evaluate)."
    if y is not None and flag and _has_decimal_commas(frame[y]):
        flag = f"--decimal , {flag}"
    if flag:
        return f" Perhaps {flag}, or rename {'them' if ',' in pairs else 'it'}."
    near = difflib.get_close_matches(absent[0], list(map(str, frame.columns)), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def _name(frame: pd.DataFrame, time: str | None, roles: Roles) -> str | None:
    """The likely column of names, if any."""
    telling = naming(frame, time, roles) if time else ()
    return alike(frame, columns.UNIQUE_ID) or (
        telling[0] if len(telling) == 1 and not is_of_a_day(telling[0]) else None
    )


def _time(frame: pd.DataFrame, roles: Roles) -> str | None:
    """The likely column of times: by kind and name, by kind, or by name."""
    free = [str(name) for name in frame.columns if name not in roles.columns]
    kinds = [name for name in free if _holds_times(frame[name])]
    known = [name for name in free if name.strip().lower() in _TIMES]
    both = [name for name in kinds if name in known]
    counts = [name for name in known if pd.api.types.is_integer_dtype(frame[name].dtype)]
    texts = [name for name in known if pd.api.types.is_string_dtype(frame[name].dtype)]
    return alike(frame, columns.DS) or next(iter([*both, *kinds, *counts, *texts]), None)


def _times_across(frame: pd.DataFrame) -> list[str]:
    """Columns that are called by a time each, as in a table of a row per series."""
    return [str(name) for name in frame.columns if _holds_times(pd.Series([str(name)]))]


def _holds_times(column: "pd.Series[Any]") -> bool:
    if pd.api.types.is_datetime64_any_dtype(column.dtype) or isinstance(column.dtype, pd.PeriodDtype):
        return True
    if pd.api.types.is_numeric_dtype(column.dtype) or isinstance(column.dtype, pd.CategoricalDtype):
        return False
    texts = column.dropna().head(_SAMPLE).astype("str")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pandas warns when it guesses a format, which is fine here
        times = pd.to_datetime(texts, format="mixed", errors="coerce", utc=True)
    return len(texts) > 0 and bool((times.notna() & (texts.str.count(r"\d") >= 4)).all())


def _values(frame: pd.DataFrame, used: set[str | None], roles: Roles) -> list[str]:
    """The likely column of values; if there is none, all columns of numbers."""
    other = {*used, *roles.columns, *columns.IGNORED, None}
    free = [str(name) for name in frame.columns if name not in other and not str(name).startswith("Unnamed:")]
    found = [name for name in free if _holds_numbers(frame[name]) and not is_of_a_day(name)]
    known = [name for name in found if name.strip().lower() in _VALUES]
    return known[:1] or found


def _has_decimal_commas(column: "pd.Series[Any]") -> bool:
    """Whether some texts have them, and none says otherwise."""
    if not pd.api.types.is_string_dtype(column.dtype):
        return False
    texts = column.dropna().head(_SAMPLE).astype("str").str.strip()
    thousands = texts.str.fullmatch(grouped(",", "."))
    return bool((texts.str.fullmatch(_DECIMAL_COMMA) & ~thousands).any() and not texts.str.contains(r",\d*\.").any())


def _holds_numbers(column: "pd.Series[Any]") -> bool:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return True
    if not pd.api.types.is_string_dtype(column.dtype):
        return False
    texts = column.dropna().head(_SAMPLE).astype("str").str.strip()
    return len(texts) > 0 and bool(texts.str.fullmatch(_NUMBER).all())
