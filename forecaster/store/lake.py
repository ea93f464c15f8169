"""The lake: immutable facts in Delta tables, appended once, read as they were known at any time.

Nothing is ever updated. A revised value is a new row with a later `available_at`; "latest" is a view. Writers of
one stream are serialised by a lease in the ledger, and an append carries a transaction id that is looked up
before writing, so the same slice never lands twice.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Transaction, write_deltalake
from deltalake.schema import PrimitiveType

from forecaster import columns
from forecaster.errors import ConfigError

__all__ = ["Lake", "bucket_of", "column_list", "connect", "newest"]

_BUCKETS = 16
_BUCKET = "bucket"
_KEPT_HOURS = 24 * 7
_TIME_OF = {"observations": "ds", "forecasts": "ds", "scores": "ds", "quarantine": "available_at"}
_ADDED = {"scores": ("strangeness", "opening_p")}
"""Numbers that tables of earlier versions lack; a table gets them with its next append."""
_KNOWN_AT = {"observations": "available_at", "forecasts": "as_of", "scores": "as_of", "quarantine": "available_at"}
_ORDER = {
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
            delta = self._table(table)
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
        wanted, values = _conditions(table, series, since, until, as_of)
        source = self.source(table, series)
        if source is None:
            empty: pd.DataFrame = columns.TABLES[table].empty_table().to_pandas()
            return empty
        query = (
            f"SELECT {column_list(table)} FROM {source} {wanted} {newest(table) if latest else ''} "
            f"ORDER BY {_ORDER[table]} {f'LIMIT {int(limit)}' if limit is not None else ''}"
        )
        with connect() as connection:
            found: pa.Table = connection.sql(query, params=values).to_arrow_table()
        rows: pd.DataFrame = found.cast(columns.TABLES[table]).to_pandas()
        return rows

    def source(self, table: str, series: Sequence[str] | None = None) -> str | None:
        """What DuckDB reads the table from, as SQL; None while it is empty.

        Reading the files that Delta lists is several times faster than any other way.
        """
        if not DeltaTable.is_deltatable(self._path(table)):
            return None
        delta = DeltaTable(self._path(table))
        buckets = sorted({bucket_of(name) for name in series}) if series and len(series) <= _BUCKETS else None
        files = delta.file_uris(file_pruning_predicate=[(_BUCKET, "in", buckets)]) if buckets else delta.file_uris()
        if not files:
            return None
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        return _with_added(table, f"read_parquet([{listed}], hive_partitioning = false, union_by_name = true)")

    def version(self, table: str) -> int:
        """Version of a table: what a run read can be read again. -1 while there is none."""
        path = self._path(table)
        return int(DeltaTable(path).version()) if DeltaTable.is_deltatable(path) else -1

    def has(self, table: str, transaction: str) -> bool:
        """Did a transaction land?"""
        path = self._path(table)
        return DeltaTable.is_deltatable(path) and DeltaTable(path).transaction_version(transaction) is not None

    def compact(self, table: str) -> dict[str, Any]:
        """Join small files, and remove those that nothing has named for a week. Loses nothing; writers may go on."""
        if not DeltaTable.is_deltatable(self._path(table)):
            return {}
        delta = DeltaTable(self._path(table))
        facts: dict[str, Any] = delta.optimize.compact()
        delta.vacuum(retention_hours=_KEPT_HOURS, dry_run=False)
        return facts

    def _table(self, table: str) -> DeltaTable:
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
        schema = columns.TABLES[table].append(pa.field(_BUCKET, pa.int32()))
        return DeltaTable.create(path, schema=schema, mode="ignore", partition_by=[_BUCKET], name=table)

    def _path(self, table: str) -> str:
        return f"{self.root}/{table}"


def _with_added(table: str, source: str) -> str:
    """A source that has all columns of today, also where none of its files has them."""
    if table not in _ADDED:
        return source.replace(", union_by_name = true", "")
    empty = ", ".join(f'NULL::DOUBLE AS "{name}"' for name in _ADDED[table])
    return f"(SELECT * FROM {source} UNION ALL BY NAME SELECT {empty} WHERE false)"


def column_list(table: str) -> str:
    """Columns of a table, as SQL."""
    return ", ".join(f'"{field.name}"' for field in columns.TABLES[table])


def newest(table: str) -> str:
    """SQL that keeps one row a series and time: what was known last. Nothing for a table of events."""
    if table not in _NEWEST:
        return ""
    return f"QUALIFY row_number() OVER (PARTITION BY unique_id, ds ORDER BY {_NEWEST[table]}) = 1"


def connect() -> duckdb.DuckDBPyConnection:
    """A DuckDB of one's own, in UTC."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def bucket_of(name: str) -> int:
    """Partition of a series: the same on every machine and in every version."""
    return zlib.crc32(name.encode()) % _BUCKETS


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Rows in a table's schema, absent columns empty, with their bucket."""
    full = frame.reindex(columns=[field.name for field in schema])
    table = pa.Table.from_pandas(full, schema=schema, preserve_index=False)
    names, codes = np.unique(full[columns.UNIQUE_ID].fillna("").astype(str).to_numpy(object), return_inverse=True)
    buckets = np.array([bucket_of(name) for name in names], np.int32)[codes]
    return table.append_column(_BUCKET, pa.array(buckets, pa.int32()))


def _conditions(
    table: str,
    series: Sequence[str] | None,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None,
) -> tuple[str, dict[str, Any]]:
    """WHERE of a read, and its parameters."""
    parts, values = [], {}
    for column, operator, name, value in (
        ("unique_id", "IN", "series", list(series) if series is not None else None),
        (_TIME_OF[table], ">=", "since", since),
        (_TIME_OF[table], "<", "until", until),
        (_KNOWN_AT[table], "<=", "as_of", as_of),
    ):
        if value is not None:
            parts.append(f"{column} {operator} ${name}")
            values[name] = value
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values
