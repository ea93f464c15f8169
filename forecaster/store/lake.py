"""The lake: immutable facts in Delta tables, appended exactly once, readable as they were known at any time.

Nothing is ever updated. A revised value is a new row with a later `available_at`; "latest" is a view. An append may
have a transaction id, which is checked before writing so that it never lands twice; appends from sources use a counter
per stream instead (`news.py`).
"""

import errno
import os
import re
import shutil
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Field, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import PrimitiveType

from forecaster import columns
from forecaster.errors import ConfigError, DiskError
from forecaster.store.lake_sql import (
    ADDED,
    KNOWN_AT,
    ORDER,
    TIME_OF,
    Reach,
    conditions,
    cursor,
    is_local,
    named,
    newest,
    with_added,
)

__all__ = ["BUCKET", "BUCKETS", "Lake", "bucket_of", "with_buckets"]

BUCKETS = 16
BUCKET = "bucket"
_STATISTICS_STEP = timedelta(milliseconds=1)
"""Delta truncates the maximum time of a file to this."""
_LEAST_ROOM = 1 << 20
"""Minimum free bytes: an append writes one file per bucket."""
_FIRST = datetime.min.replace(tzinfo=UTC) + _STATISTICS_STEP


@dataclass(frozen=True)
class Lake:
    """Delta tables under one folder or URL, one for each entry of `columns.TABLES`."""

    root: str
    """A folder, or a URL that delta-rs knows, such as s3://bucket/prefix."""

    @property
    def is_local(self) -> bool:
        """Whether the tables are files on this machine."""
        return is_local(self.root)

    def append(self, table: str, frame: pd.DataFrame, *, transaction: str | None = None) -> int:
        """Add rows; returns how many landed: none if this transaction has landed before.

        Raises: ConfigError if the lake cannot be written
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
        except (OSError, DeltaError) as error:
            raise self.unwritten(error) from error
        return len(frame)

    def read(
        self,
        table: str,
        *,
        series: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        after: Mapping[str, datetime] | None = None,
        latest: bool = True,
        limit: int | None = None,
        newest_first: bool = False,
        only: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Rows of some series (or all), sorted by series and time, or from the last time backwards.

        Shapes:  `since` is included, `until` is not; `after` has times by series, of which only later rows are given; `only`
            are columns, all by default
        Missing: with `latest`, one row per series and time is given: the newest that was known at `as_of`
        """
        reach = Reach(series, since, until, after=after)
        wanted, values = conditions(table, reach, as_of=as_of)
        source = self.source(table, reach)
        wanted_columns = only or columns.TABLES[table].names
        schema = pa.schema([columns.TABLES[table].field(name) for name in wanted_columns])
        if source is None:
            empty: pd.DataFrame = schema.empty_table().to_pandas()
            return empty
        order = f"{TIME_OF[table]} DESC, {ORDER[table]}" if newest_first else ORDER[table]
        query = (
            f"SELECT {named(wanted_columns)} FROM {source} {wanted} {newest(table) if latest else ''} "
            f"ORDER BY {order} {f'LIMIT {int(limit)}' if limit is not None else ''}"
        )
        with cursor(self.root) as connection:
            found: pa.Table = connection.sql(query, params=values).to_arrow_table()
        rows: pd.DataFrame = found.cast(schema).to_pandas()
        return rows

    def last_times(self, table: str, series: Sequence[str]) -> dict[str, pd.Timestamp]:
        """The last time of each of some series that has one."""
        return self._of_each(table, series, f"max({TIME_OF[table]})")

    def first_known(self, table: str, series: Sequence[str]) -> dict[str, pd.Timestamp]:
        """When the first row of each of some series was known, of those that have one."""
        return self._of_each(table, series, f"min({KNOWN_AT[table]})")

    def source(
        self, table: str, reach: Reach | None = None, *, delta: DeltaTable | None = None, root: str = ""
    ) -> str | None:
        """The source of the table as SQL for DuckDB: files that may have rows within reach; None if there are none.

        Reading the files listed by Delta is several times faster than any other way. `root` is another address of the lake.
        """
        delta = delta or self._known(table)
        if delta is None:
            return None
        files = [f"{root or self.root}/{table}/{file}" for file in _within(table, delta, reach or Reach())]
        return with_added(table, files) if files else None

    def version(self, table: str) -> int:
        """Version of a table, by which a run's input can be read again; -1 if there is no table yet."""
        delta = self._known(table)
        return -1 if delta is None else int(delta.version())

    def opened(self, table: str) -> DeltaTable:
        """The current table for writing, created if absent. Raises: ConfigError if it cannot be created"""
        path = self._path(table)
        self._require_room()
        if DeltaTable.is_deltatable(path):
            delta = DeltaTable(path)
            there = {field.name for field in delta.schema().fields}
            absent = [Field(name, PrimitiveType("double")) for name in ADDED.get(table, ()) if name not in there]
            if absent:
                delta.alter.add_columns(absent)
            return delta
        schema = columns.TABLES[table].append(pa.field(BUCKET, pa.int32()))
        try:
            if self.is_local:
                Path(path).mkdir(parents=True, exist_ok=True)
            return DeltaTable.create(path, schema=schema, mode="ignore", partition_by=[BUCKET], name=table)
        except CommitFailedError:  # another process created it at the same moment
            return DeltaTable(path)
        except (OSError, DeltaError) as error:
            raise self.unwritten(error) from error

    def unwritten(self, error: Exception) -> ConfigError:
        """The error for a lake that cannot be written."""
        kind = DiskError if DiskError.among(error) else ConfigError
        return kind(f"cannot write to the lake at '{self.root}': {_said(error)}.")

    def _of_each(self, table: str, series: Sequence[str], time: str) -> dict[str, pd.Timestamp]:
        """A time of each of some series that has rows, by an SQL expression."""
        reach = Reach(series)
        wanted, values = conditions(table, reach)
        source = self.source(table, reach)
        if source is None:
            return {}
        query = f"SELECT unique_id, {time} AS found FROM {source} {wanted} GROUP BY unique_id"
        with cursor(self.root) as connection:
            rows: pa.Table = connection.sql(query, params=values).to_arrow_table()
        return dict(zip(rows["unique_id"].to_pylist(), rows["found"].cast(columns.TIME).to_pandas(), strict=True))

    def _known(self, table: str) -> DeltaTable | None:
        """The current table for reading, if there is one. Raises: ConfigError if the lake cannot be read"""
        path = self._path(table)
        try:
            return DeltaTable(path) if DeltaTable.is_deltatable(path) else None
        except (OSError, DeltaError) as error:
            raise ConfigError(f"cannot read the lake at '{self.root}': {_said(error)}.") from error

    def _require_room(self) -> None:
        """Check free space, since delta-rs panics on a full disk. Raises: DiskError"""
        if self.is_local and Path(self.root).is_dir() and shutil.disk_usage(self.root).free < _LEAST_ROOM:
            raise self.unwritten(OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: less than 1 MB"))

    def _path(self, table: str) -> str:
        return f"{self.root}/{table}"


def _said(error: Exception) -> str:
    """What an error says, in one line and without colours."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split()).rstrip(".")


def _within(table: str, delta: DeltaTable, reach: Reach) -> list[str]:
    """Files that may have such rows, by Delta's statistics: bucket, first and last series and time."""
    facts = pa.table(delta.get_add_actions(flatten=True))
    keep = pa.repeat(True, len(facts))
    names = reach.series
    if names is not None and len(names) == 0:
        return []
    if reach.bucket is not None:
        keep = pc.and_(keep, pc.equal(facts[f"partition.{BUCKET}"], reach.bucket))
    if names is not None and len(names) > 0:
        if len(names) <= BUCKETS:
            buckets = pa.array(sorted({bucket_of(name) for name in names}), pa.int32())
            keep = pc.and_(keep, pc.is_in(facts[f"partition.{BUCKET}"], buckets))
        keep = pc.and_(keep, _overlap(facts, columns.UNIQUE_ID, min(names), max(names)))
    if reach.since is not None or reach.until is not None:
        since = None if reach.since is None else max(reach.since, _FIRST) - _STATISTICS_STEP
        keep = pc.and_(keep, _overlap(facts, TIME_OF[table], since, reach.until))
    found: list[str] = facts["path"].filter(keep).to_pylist()
    return found


def _overlap(facts: pa.Table, column: str, first: Any, last: Any) -> pa.ChunkedArray:
    """Files whose values of a column may lie between two ends; files without statistics are included."""
    keep = pa.chunked_array([pa.repeat(True, len(facts))])
    for name, compare, end in ((f"max.{column}", pc.greater_equal, first), (f"min.{column}", pc.less_equal, last)):
        if end is not None and name in facts.column_names:
            there = facts[name]
            keep = pc.and_(keep, pc.fill_null(compare(there, pa.scalar(end, there.type)), True))
    return keep


def bucket_of(name: str) -> int:
    """Partition of a series, the same on every machine and in every version."""
    return zlib.crc32(name.encode()) % BUCKETS


def _arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Rows in a table's schema, absent columns empty."""
    full = frame.reindex(columns=[field.name for field in schema])
    return with_buckets(pa.Table.from_pandas(full, schema=schema, preserve_index=False))


def with_buckets(rows: pa.Table) -> pa.Table:
    """Rows with a column of their partition."""
    encoded = pc.fill_null(rows[columns.UNIQUE_ID], "").combine_chunks().dictionary_encode()
    buckets = pa.array([bucket_of(name) for name in encoded.dictionary.to_pylist()], pa.int32())
    return rows.append_column(BUCKET, buckets.take(encoded.indices))
