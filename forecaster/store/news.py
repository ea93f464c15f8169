"""News: finds the rows that the lake does not have yet, and appends them exactly once.

Comparing and appending are one atomic step: a stream's appends carry a counter in the lake's own log, and an append
that was prepared before another one of the same stream landed is refused and prepared again. So neither a lost lease
nor a hundred simultaneous runs store a row twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from forecaster import columns
from forecaster.errors import ConfigError, DiskError
from forecaster.store.lake import Lake, with_buckets
from forecaster.store.lake_sql import Reach, cursor

__all__ = ["Added", "add_news", "add_refused"]

_ATTEMPTS = 50
_WITH_KNOWN = """
SELECT incoming.*, known.y IS NOT NULL AS revised FROM incoming LEFT JOIN (
    SELECT unique_id, ds, arg_max(y, available_at) AS y FROM {source}
    WHERE ds BETWEEN $first AND $last AND unique_id IN (SELECT unique_id FROM incoming) GROUP BY ALL
) AS known USING (unique_id, ds) WHERE known.y IS DISTINCT FROM incoming.y
"""
_AMONG_VERSIONS = """
WITH stored AS (
    SELECT unique_id, ds, y, available_at, false AS is_new FROM {source}
    WHERE ds BETWEEN $first AND $last AND unique_id IN (SELECT unique_id FROM incoming)
), said AS (
    SELECT incoming.* REPLACE (
        if(other.y <> incoming.y, greatest($now, incoming.available_at + INTERVAL 1 MICROSECOND), incoming.available_at)
        AS available_at
    ), true AS is_new
    FROM incoming LEFT JOIN (SELECT unique_id, ds, available_at, any_value(y) AS y FROM stored GROUP BY ALL) AS other
    USING (unique_id, ds, available_at)
)
SELECT * EXCLUDE (is_new, before), before IS NOT NULL AS revised FROM (
    SELECT *, lag(y) OVER (PARTITION BY unique_id, ds ORDER BY available_at, is_new) AS before FROM (
        FROM said UNION ALL BY NAME FROM stored
    )
) WHERE is_new AND before IS DISTINCT FROM y
"""
_REFUSED = """
SELECT incoming.* FROM incoming ANTI JOIN (
    SELECT raw, reason FROM {source}
    WHERE stream = $stream AND (unique_id IS NULL OR unique_id IN (SELECT unique_id FROM incoming))
) AS known ON incoming.raw = known.raw AND incoming.reason = known.reason
"""


@dataclass(frozen=True)
class Added:
    """Rows that landed."""

    new: int = 0
    revised: int = 0


def add_news(lake: Lake, stream: str, rows: pa.Table, *, versioned: bool = False) -> Added:
    """Append the observations that the lake does not have: new times, and changed values for known times.

    With `versioned`, rows say when they became known, and each is compared with what was known then; otherwise they
    are known from now on. A different value with the same time of becoming known counts as known from now on, because
    nobody knew it then.

    Raises: ConfigError when the lake cannot be written
    """
    if len(rows) == 0:
        return Added()
    span = pc.min_max(rows[columns.DS]).as_py()
    names, ends = pc.unique(rows[columns.UNIQUE_ID]).to_pylist(), {"first": span["min"], "last": span["max"]}

    def fresh(delta: DeltaTable) -> pa.Table:
        source = lake.source("observations", Reach(names, ends["first"], ends["last"]), delta=delta)
        return _fresh(lake, rows, source, ends, versioned)

    landed = _land(lake, "observations", stream, fresh)
    revised = pc.sum(landed["revised"]).as_py() or 0
    return Added(len(landed) - revised, revised)


def add_refused(lake: Lake, stream: str, rows: pa.Table) -> None:
    """Append refused rows to the quarantine, unless they are already there with the same reason."""
    if len(rows) == 0:
        return

    def fresh(delta: DeltaTable) -> pa.Table:
        source = lake.source("quarantine", delta=delta)
        return rows if source is None else _asked(lake, _REFUSED.format(source=source), rows, {"stream": stream})

    _land(lake, "quarantine", stream, fresh)


def _land(lake: Lake, table: str, stream: str, fresh: Callable[[DeltaTable], pa.Table]) -> pa.Table:
    """Append the new ones of some rows, trying again if the stream was written meanwhile; returns what landed."""
    for _ in range(_ATTEMPTS):
        delta = lake.opened(table)
        found = fresh(delta)
        if len(found) == 0 or _landed(lake, delta, stream, found.select(columns.TABLES[table].names)):
            return found
    raise ConfigError(f"stream '{stream}': {_ATTEMPTS} times others wrote to it at the same moment. Run it again.")


def _fresh(lake: Lake, rows: pa.Table, source: str | None, ends: dict[str, object], versioned: bool) -> pa.Table:
    """The new rows, with a column for those that revise a value."""
    if source is None and not versioned:
        return rows.append_column("revised", pa.repeat(False, len(rows)))
    if versioned:
        empty = "(SELECT unique_id, ds, y, available_at FROM incoming WHERE false)"
        found = _asked(lake, _AMONG_VERSIONS.format(source=source or empty), rows, {**ends, "now": datetime.now(UTC)})
    else:
        found = _asked(lake, _WITH_KNOWN.format(source=source), rows, ends)
    return found.cast(rows.schema.append(pa.field("revised", pa.bool_())))


def _asked(lake: Lake, query: str, rows: pa.Table, values: dict[str, object]) -> pa.Table:
    with cursor(lake.root) as connection:
        connection.register("incoming", rows)
        found: pa.Table = connection.sql(query, params=values).to_arrow_table()
        return found


def _landed(lake: Lake, delta: DeltaTable, stream: str, rows: pa.Table) -> bool:
    """Append to the version of the table that was compared; False if the stream has been written since."""
    count = (delta.transaction_version(stream) or 0) + 1
    properties = CommitProperties(app_transactions=[Transaction(stream, count)])
    try:
        write_deltalake(delta, with_buckets(rows), mode="append", commit_properties=properties)
    except CommitFailedError as error:
        if DiskError.among(error):
            raise lake.unwritten(error) from error
        return False
    except (OSError, DeltaError) as error:
        raise lake.unwritten(error) from error
    return True
