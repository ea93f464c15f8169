"""The lake: immutable facts in Delta tables, appended once, read as they were known at any time.

Nothing is ever updated. A revised value is a new row with a later `available_at`; "latest" is a view. An append may carry
a transaction id that is looked up before writing, so that it never lands twice; what a source delivers is counted by
stream instead (`news.py`).
"""

import atexit
import os
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Field, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError
from deltalake.schema import PrimitiveType

from forecaster import columns
from forecaster.errors import ConfigError

__all__ = [
    "BUCKET",
    "BUCKETS",
    "ORDER",
    "Lake",
    "Reach",
    "bucket_of",
    "column_list",
    "conditions",
    "connect",
    "cursor",
    "empty",
    "has_versions",
    "listed",
    "newest",
    "replaced",
    "with_buckets",
]

BUCKETS = 16
BUCKET = "bucket"
_STATISTICS_STEP = timedelta(milliseconds=1)
"""Delta keeps a file's last time cut to this."""
_TIME_OF = {"observations": "ds", "forecasts": "ds", "scores": "ds", "quarantine": "available_at"}
_ADDED = {"scores": ("strangeness", "opening_p")}
"""Numbers that tables of earlier versions lack; a table gets them with its next append."""
_KNOWN_AT = {"observations": "available_at", "forecasts": "as_of", "scores": "as_of", "quarantine": "available_at"}
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
class Lake:
    """Delta tables under one folder or URL, one for each entry of `columns.TABLES`."""

    root: str
    """A folder, or a URL that delta-rs knows, such as s3://bucket/prefix."""

    @property
    def is_local(self) -> bool:
        """True where the tables are files on this machine."""
        return "://" not in self.root

    def append(self, table: str, frame: pd.DataFrame, *, transaction: str | None = None) -> int:
        """Add rows; returns how many landed: none if this transaction did before.

        Raises: ConfigError when the lake cannot be written
        """
        if len(frame) == 0:
            return 0
        try:
            delta = self.opened(table)
            if transaction is not None and delta.transaction_version(transaction) is not None:
                return 0
            written = [Transaction(transaction, 1)] if transaction is not None else None
            rows = _arrow(frame, columns.TABLES[table])
            write_deltalake(delta, rows, mode="append", commit_properties=CommitProperties(app_transactions=written))
        except OSError as error:
            raise ConfigError(f"cannot write to the lake at '{self.root}': {error}.") from error
        return len(frame)

    def read(
        self,
        table: str,
        *,
        series: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        latest: bool = True,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Rows of some series (or all), by series and time.

        Shapes:  `since` is included, `until` is not
        Missing: with `latest` one row a series and time is kept: the newest that was known at `as_of`
        """
        reach = Reach(series, since, until)
        wanted, values = conditions(table, reach, as_of=as_of)
        source = self.source(table, reach)
        if source is None:
            empty: pd.DataFrame = columns.TABLES[table].empty_table().to_pandas()
            return empty
        query = (
            f"SELECT {column_list(table)} FROM {source} {wanted} {newest(table) if latest else ''} "
            f"ORDER BY {ORDER[table]} {f'LIMIT {int(limit)}' if limit is not None else ''}"
        )
        with cursor() as connection:
            found: pa.Table = connection.sql(query, params=values).to_arrow_table()
        rows: pd.DataFrame = found.cast(columns.TABLES[table]).to_pandas()
        return rows

    def source(self, table: str, reach: "Reach | None" = None, *, delta: DeltaTable | None = None) -> str | None:
        """What DuckDB reads the table from, as SQL: its files that may have rows within reach; None if there are none.

        Reading the files that Delta lists is several times faster than any other way.
        """
        if delta is None:
            if not DeltaTable.is_deltatable(self._path(table)):
                return None
            delta = DeltaTable(self._path(table))
        files = [f"{self._path(table)}/{file}" for file in _within(table, delta, reach or Reach())]
        return _with_added(table, files) if files else None

    def version(self, table: str) -> int:
        """Version of a table: what a run read can be read again. -1 while there is none."""
        path = self._path(table)
        return int(DeltaTable(path).version()) if DeltaTable.is_deltatable(path) else -1

    def opened(self, table: str) -> DeltaTable:
        """The table as it is now; made, if it is not there."""
        path = self._path(table)
        if DeltaTable.is_deltatable(path):
            delta = DeltaTable(path)
            there = {field.name for field in delta.schema().fields}
            absent = [Field(name, PrimitiveType("double")) for name in _ADDED.get(table, ()) if name not in there]
            if absent:
                delta.alter.add_columns(absent)
            return delta
        if self.is_local:
            Path(path).mkdir(parents=True, exist_ok=True)
        schema = columns.TABLES[table].append(pa.field(BUCKET, pa.int32()))
        try:
            return DeltaTable.create(path, schema=schema, mode="ignore", partition_by=[BUCKET], name=table)
        except CommitFailedError:  # another made it at the same moment
            return DeltaTable(path)

    def _path(self, table: str) -> str:
        return f"{self.root}/{table}"


@dataclass(frozen=True)
class Reach:
    """What a read may find: rows of some series, in a span of time."""

    series: Sequence[str] | None = None
    since: datetime | None = None
    until: datetime | None = None
    bucket: int | None = None
    """One part of the series: who goes over all of them needs the memory of one part at a time."""


def _within(table: str, delta: DeltaTable, reach: Reach) -> list[str]:
    """Files that may have such rows, by what Delta keeps of each: bucket, first and last series and time."""
    facts = pa.table(delta.get_add_actions(flatten=True))
    keep = pa.repeat(True, len(facts))
    names = reach.series
    if reach.bucket is not None:
        keep = pc.and_(keep, pc.equal(facts[f"partition.{BUCKET}"], reach.bucket))
    if names is not None and len(names) > 0:
        if len(names) <= BUCKETS:
            buckets = pa.array(sorted({bucket_of(name) for name in names}), pa.int32())
            keep = pc.and_(keep, pc.is_in(facts[f"partition.{BUCKET}"], buckets))
        keep = pc.and_(keep, _overlap(facts, columns.UNIQUE_ID, min(names), max(names)))
    if reach.since is not None or reach.until is not None:
        since = None if reach.since is None else reach.since - _STATISTICS_STEP
        keep = pc.and_(keep, _overlap(facts, _TIME_OF[table], since, reach.until))
    found: list[str] = facts["path"].filter(keep).to_pylist()
    return found


def _overlap(facts: pa.Table, column: str, first: Any, last: Any) -> pa.ChunkedArray:
    """Files whose values of a column may lie between two ends; those of which nothing is kept may, too."""
    keep = pa.chunked_array([pa.repeat(True, len(facts))])
    for name, compare, end in ((f"max.{column}", pc.greater_equal, first), (f"min.{column}", pc.less_equal, last)):
        if end is not None and name in facts.column_names:
            there = facts[name]
            keep = pc.and_(keep, pc.fill_null(compare(there, pa.scalar(end, there.type)), True))
    return keep


def listed(files: Sequence[str], *, alike: bool = True) -> str:
    """Parquet files as SQL; where they are not `alike`, columns that one of them lacks are empty."""
    quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    return f"read_parquet([{quoted}], hive_partitioning = false{'' if alike else ', union_by_name = true'})"


def empty(table: str) -> str:
    """A table without rows, as SQL."""
    kinds = {pa.string(): "VARCHAR", pa.float64(): "DOUBLE", pa.bool_(): "BOOLEAN", columns.TIME: "TIMESTAMPTZ"}
    named = ", ".join(f'NULL::{kinds[field.type]} AS "{field.name}"' for field in columns.TABLES[table])
    return f"(SELECT {named} WHERE false)"


def _with_added(table: str, files: Sequence[str]) -> str:
    """Files as SQL with all columns of today, also where none of them has them."""
    if table not in _ADDED:
        return listed(files)
    return f"(SELECT * FROM {listed(files, alike=False)} UNION ALL BY NAME SELECT * FROM {empty(table)})"


def column_list(table: str) -> str:
    """Columns of a table, as SQL."""
    return ", ".join(f'"{field.name}"' for field in columns.TABLES[table])


def newest(table: str) -> str:
    """SQL that keeps one row a series and time: what was known last. Nothing for a table of events."""
    if table not in _NEWEST:
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY unique_id, ds ORDER BY {_NEWEST[table]}) = 1"


def replaced(table: str) -> str:
    """SQL that says since when a row is not the newest of its series and time; null for the newest."""
    return f"lag({_KNOWN_AT[table]}) OVER (PARTITION BY unique_id, ds ORDER BY {_NEWEST[table]})"


def has_versions(table: str) -> bool:
    """May a table have several rows of a series and time?"""
    return table in _NEWEST


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB of one's own, in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def cursor() -> duckdb.DuckDBPyConnection:
    """A connection to the DuckDB that all reads of this process share: opening one takes longer than a read."""
    return _shared(os.getpid()).cursor()


@cache
def _shared(process: int) -> duckdb.DuckDBPyConnection:
    atexit.register(_shared.cache_clear)  # DuckDB complains of what is open when Python ends
    return connect()


def bucket_of(name: str) -> int:
    """Partition of a series: the same on every machine and in every version."""
    return zlib.crc32(name.encode()) % BUCKETS


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Rows in a table's schema, absent columns empty."""
    full = frame.reindex(columns=[field.name for field in schema])
    return with_buckets(pa.Table.from_pandas(full, schema=schema, preserve_index=False))


def with_buckets(rows: pa.Table) -> pa.Table:
    """Rows with the partition of each."""
    encoded = pc.fill_null(rows[columns.UNIQUE_ID], "").combine_chunks().dictionary_encode()
    buckets = pa.array([bucket_of(name) for name in encoded.dictionary.to_pylist()], pa.int32())
    return rows.append_column(BUCKET, buckets.take(encoded.indices))


def conditions(
    table: str, reach: Reach, *, as_of: datetime | None = None, stream: str | None = None
) -> tuple[str, dict[str, Any]]:
    """WHERE of a read, and its parameters."""
    parts, values = [], {}
    for column, operator, name, value in (
        ("unique_id", "IN", "series", list(reach.series) if reach.series is not None else None),
        (_TIME_OF[table], ">=", "since", reach.since),
        (_TIME_OF[table], "<", "until", reach.until),
        (_KNOWN_AT[table], "<=", "as_of", as_of),
        ("stream", "=", "stream", stream),
    ):
        if value is not None:
            parts.append(f"{column} {operator} ${name}")
            values[name] = value
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values
