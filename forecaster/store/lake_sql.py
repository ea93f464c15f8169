"""SQL for reading the lake's files, and the DuckDB connections that run it."""

import atexit
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from forecaster import columns
from forecaster.store import lake_files

__all__ = [
    "ADDED",
    "KNOWN_AT",
    "ORDER",
    "TIME_OF",
    "Reach",
    "column_list",
    "conditions",
    "connect",
    "cursor",
    "empty",
    "has_versions",
    "is_local",
    "newest",
    "quoted",
    "replaced",
    "with_added",
]

TIME_OF = {"observations": "ds", "forecasts": "ds", "scores": "ds", "quarantine": "available_at"}
ADDED = {"scores": ("strangeness", "opening_p")}
"""Numeric columns that tables of earlier versions lack; they are added with the next append."""
KNOWN_AT = {"observations": "available_at", "forecasts": "as_of", "scores": "as_of", "quarantine": "available_at"}
ORDER = {
    "observations": "unique_id, ds, available_at",
    "forecasts": "unique_id, ds, cutoff, as_of",
    "scores": "unique_id, ds, as_of",
    "quarantine": "available_at, unique_id",
}
_NEWEST = {
    "observations": "available_at DESC",
    "forecasts": "cutoff DESC, as_of DESC",
    "scores": "as_of DESC",
}


@dataclass(frozen=True)
class Reach:
    """The range of a read: rows of some series in a time span."""

    series: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    bucket: int | None = None
    """A single bucket of series, for going over all series with the memory for one bucket at a time."""
    after: Mapping[str, datetime] | None = None
    """Only rows later than these times, by series; all rows of other series."""


def conditions(
    table: str, reach: Reach, *, as_of: datetime | None = None, stream: str | None = None
) -> tuple[str, dict[str, Any]]:
    """JOIN and WHERE clauses of a read, and their parameters."""
    parts: list[str] = []
    values: dict[str, Any] = {}
    for column, operator, name, value in (
        ("unique_id", "IN", "series", list(reach.series) if reach.series is not None else None),
        (TIME_OF[table], ">=", "since", reach.since),
        (TIME_OF[table], "<", "until", reach.until),
        (KNOWN_AT[table], "<=", "as_of", as_of),
        ("stream", "=", "stream", stream),
    ):
        if value is not None:
            parts.append(f"{column} {operator} ${name}")
            values[name] = value
    join = ""
    if reach.after:
        join = "LEFT JOIN (SELECT unnest($names) AS named, unnest($lasts) AS last_of) ON unique_id = named "
        parts.append(f"({TIME_OF[table]} > last_of OR last_of IS NULL)")
        values |= {"names": list(reach.after), "lasts": list(reach.after.values())}
    return join + (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _listed(files: Sequence[str], *, alike: bool = True) -> str:
    """Parquet files as SQL; if not `alike`, columns that a file lacks are empty."""
    names = ", ".join(map(quoted, files))
    return f"read_parquet([{names}], hive_partitioning = false{'' if alike else ', union_by_name = true'})"


def empty(table: str) -> str:
    """A table without rows, as SQL."""
    kinds = {pa.string(): "VARCHAR", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN", columns.TIME: "TIMESTAMPTZ"}
    named = ", ".join(f'NULL::{kinds[field.type]} AS "{field.name}"' for field in columns.TABLES[table])
    return f"(SELECT {named} WHERE false)"


def with_added(table: str, files: Sequence[str]) -> str:
    """Files as SQL with all current columns, even those that no file has."""
    if table not in ADDED:
        return _listed(files)
    return f"(SELECT * FROM {_listed(files, alike=False)} UNION ALL BY NAME SELECT * FROM {empty(table)})"


def column_list(table: str) -> str:
    """Columns of a table, as SQL."""
    return named(columns.TABLES[table].names)


def named(names: Sequence[str]) -> str:
    """Columns, as SQL."""
    return ", ".join(f'"{name}"' for name in names)


def newest(table: str) -> str:
    """SQL that keeps the last known row per series and time; empty for a table without versions."""
    if table not in _NEWEST:
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY unique_id, ds ORDER BY {_NEWEST[table]}) = 1"


def replaced(table: str) -> str:
    """SQL for the time since when a row is no longer the newest of its series and time; null for the newest."""
    return f"lag({KNOWN_AT[table]}) OVER (PARTITION BY unique_id, ds ORDER BY {_NEWEST[table]})"


def has_versions(table: str) -> bool:
    """Whether a table may have several rows for a series and time."""
    return table in _NEWEST


def connect(root: str) -> duckdb.DuckDBPyConnection:
    """A new DuckDB connection, in UTC, which reads the files of a lake; one that is not local as `lake_files` has them."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET autoinstall_known_extensions = false")
    if not is_local(root):
        lake_files.register(connection, root)
    return connection


def cursor(root: str) -> duckdb.DuckDBPyConnection:
    """A connection to the DuckDB shared by all reads of a lake in this process, as opening one takes longer than a read."""
    return _shared(os.getpid(), "" if is_local(root) else root).cursor()


def is_local(root: str) -> bool:
    """Whether the root of a lake is a folder of this machine."""
    return "://" not in root


@cache
def _shared(process: int, root: str) -> duckdb.DuckDBPyConnection:
    atexit.register(_shared.cache_clear)  # DuckDB complains about connections open at exit
    return connect(root)
