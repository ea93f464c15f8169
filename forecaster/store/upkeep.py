"""Upkeep of the lake: merges small files into few, each with series of its own, and deletes unreferenced files.

Rows are sorted by series, so that a read of one series opens one file and one part of it. Nothing is lost: writers and
readers may continue, and a sort that collides with a writer is repeated, at the latest by the next upkeep. Only if a
retention time is set are rows dropped that were replaced before it; reads as of any later time find the same as before.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from forecaster import columns
from forecaster.store.lake import BUCKET, BUCKETS, Lake
from forecaster.store.lake_sql import ORDER, Reach, connect, has_versions, replaced, with_added

__all__ = ["Upkeep", "join_small", "keep_up"]

_ATTEMPTS = 5
_KEPT_HOURS = 24
"""How long replaced files are kept for reads that began before; no read takes longer."""
_MANY = 8
_ROW_GROUP, _FILE_BYTES, _SMALL_BYTES = 65_536, 128 << 20, 8 << 20
_WRITTEN = WriterProperties(compression="ZSTD", max_row_group_size=_ROW_GROUP)


@dataclass(frozen=True)
class Upkeep:
    """The result of an upkeep of a table."""

    files_before: int = 0
    files_after: int = 0
    sorted: int = 0
    """Number of buckets rewritten in order."""
    left: int = 0
    """Buckets that were written to all the time; the next upkeep tries again."""
    removed: int = 0
    """Unreferenced files that were deleted."""
    dropped: int = 0
    """Dropped rows, which were replaced longer ago than the retention time."""


def keep_up(lake: Lake, table: str, since: datetime | None = None) -> Upkeep:
    """Put a table in order, dropping rows that were replaced by `since`; None keeps all.

    Each bucket that needs it is rewritten in one pass, in bounded memory.

    Raises: ConfigError if the lake cannot be written
    """
    try:
        return _kept_up(lake, table, since)
    except (OSError, DeltaError) as error:
        raise lake.unwritten(error) from error


def _kept_up(lake: Lake, table: str, since: datetime | None) -> Upkeep:
    if lake.version(table) < 0:
        return Upkeep()
    before = len(_files(lake.opened(table)))
    old = {} if since is None or not has_versions(table) else _replaced(lake, table, since)
    buckets = sorted({*_worth_it(_files(lake.opened(table))), *old})
    written = {bucket: _sort(lake, table, bucket, since if bucket in old else None) for bucket in buckets}
    join_small(lake, table)
    delta = lake.opened(table)
    removed = delta.vacuum(retention_hours=_KEPT_HOURS, enforce_retention_duration=False, dry_run=False)
    delta.create_checkpoint()
    delta.cleanup_metadata()
    done = sum(written.values())
    dropped = sum(count for bucket, count in old.items() if written[bucket])
    return Upkeep(before, len(_files(delta)), done, len(written) - done, len(removed), dropped)


def join_small(lake: Lake, table: str) -> int:
    """Merge small files from many small appends; returns how many were merged away. Does not conflict with writers."""
    if lake.version(table) < 0:
        return 0
    facts = lake.opened(table).optimize.compact(
        target_size=_SMALL_BYTES, max_concurrent_tasks=1, writer_properties=_WRITTEN
    )
    return int(facts["numFilesRemoved"])


def _files(delta: DeltaTable) -> pa.Table:
    """Delta's statistics of each file."""
    return pa.table(delta.get_add_actions(flatten=True))


def _worth_it(files: pa.Table) -> list[int]:
    """Buckets with many files, or with much data outside their largest file."""
    if f"min.{columns.UNIQUE_ID}" not in files.column_names:
        return []
    found = []
    for bucket in pc.unique(files[f"partition.{BUCKET}"]).to_pylist():
        own = files.filter(pc.equal(files[f"partition.{BUCKET}"], bucket))
        rows, size = own["num_records"].to_pylist(), sum(own["size_bytes"].to_pylist())
        many = len(rows) >= _MANY and size < len(rows) * _FILE_BYTES / _MANY
        strayed = not _in_order(own) and sum(rows) - max(rows) >= sum(rows) / 10
        if many or strayed:
            found.append(int(bucket))
    return sorted(found)


def _in_order(files: pa.Table) -> bool:
    """Whether each file begins at or after the end of the one before it."""
    ends = sorted(zip(*(files[f"{end}.{columns.UNIQUE_ID}"].to_pylist() for end in ("min", "max")), strict=True))
    return all(before[1] <= after[0] for before, after in pairwise(ends))


def _replaced(lake: Lake, table: str, since: datetime) -> dict[int, int]:
    """Number of rows of each bucket that were replaced before a time; buckets without any are left out."""
    found = {}
    for bucket in range(BUCKETS):
        source = lake.source(table, Reach(bucket=bucket))
        if source is not None:
            with connect(lake.root) as connection:
                asked = f"SELECT count(*) FROM (SELECT {replaced(table)} AS gone FROM {source}) WHERE gone <= $since"
                (found[bucket],) = connection.execute(asked, {"since": since}).fetchone() or (0,)
    return {bucket: count for bucket, count in found.items() if count}


def _sort(lake: Lake, table: str, bucket: int, since: datetime | None) -> bool:
    """Rewrite a bucket in order, without rows replaced before a time; False if it was written to at each attempt."""
    kept = f"QUALIFY coalesce({replaced(table)} > TIMESTAMPTZ '{since.isoformat()}', true)" if since else ""
    for _ in range(_ATTEMPTS):
        delta = lake.opened(table)
        files = delta.file_uris(file_pruning_predicate=[(BUCKET, "=", bucket)])
        with connect(lake.root) as connection:
            rows = connection.sql(
                f"SELECT *, {bucket}::INTEGER AS {BUCKET} FROM {with_added(table, files)} {kept} ORDER BY {ORDER[table]}"
            )
            try:
                write_deltalake(
                    delta,
                    rows.to_arrow_reader(_ROW_GROUP),
                    mode="overwrite",
                    predicate=f"{BUCKET} = {bucket}",
                    writer_properties=_WRITTEN,
                    target_file_size=_FILE_BYTES,
                )
            except CommitFailedError:
                continue
        return True
    return False
