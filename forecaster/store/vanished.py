"""Counts stored rows that a part of a source no longer has, between rows that it still has."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns
from forecaster.store.lake import Lake
from forecaster.store.lake_sql import Reach, cursor

__all__ = ["vanished"]

_STORED = """
SELECT count(*) FROM (SELECT DISTINCT unique_id, ds FROM {source} WHERE list_contains($slices, slice_id)) AS stored
JOIN ends USING (unique_id) WHERE ds BETWEEN first AND last
"""


def vanished(lake: Lake, slices: Sequence[str], ends: pa.Table, there: int) -> int:
    """How many more times than the `there` ones of a part were stored by its slices, within the span of each series.

    Rows before a series' first one and after its last one do not count: a file that holds the newest week drops older rows.

    Shapes: ends: `unique_id, first, last`, a row a series
    Fails:  if another part brought some of the rows, too; there may then be more
    """
    first, last = pc.min(ends["first"]).as_py(), pc.max(ends["last"]).as_py()
    source = lake.source("observations", Reach(ends[columns.UNIQUE_ID].to_pylist(), first, last))
    if source is None:
        return 0
    with cursor(lake.root) as connection:
        connection.register("ends", ends)
        found = connection.sql(_STORED.format(source=source), params={"slices": list(slices)}).fetchall()
    return max(0, int(found[0][0]) - there)
