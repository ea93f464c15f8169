"""Finds the step of series from their times, if the source does not give it."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns
from forecaster.series.quality import Quality
from forecaster.series.step import steps

__all__ = ["found_steps"]

_ENOUGH = 10
"""Minimum rows of a series; with fewer, its step would be a guess."""


def found_steps(rows: pa.Table, names: Collection[str]) -> dict[str, str]:
    """Steps of some series, as training would find them; series with few rows are left out."""
    rows = rows.filter(pc.is_in(rows[columns.UNIQUE_ID], pa.array(list(names), pa.string())))
    counts = rows.group_by(columns.UNIQUE_ID).aggregate([(columns.DS, "count_distinct")])
    enough = counts.filter(pc.greater_equal(counts[f"{columns.DS}_count_distinct"], _ENOUGH))[columns.UNIQUE_ID]
    rows = rows.filter(pc.is_in(rows[columns.UNIQUE_ID], enough.combine_chunks()))
    if not len(rows):
        return {}
    rows = rows.sort_by([(columns.UNIQUE_ID, "ascending"), (columns.DS, "ascending")])
    named = rows[columns.UNIQUE_ID].combine_chunks().dictionary_encode()
    times = rows[columns.DS].cast(columns.TIME).to_numpy().astype("datetime64[us]").view(np.int64)
    codes = named.indices.to_numpy().astype(np.int64)
    found = steps(times, codes, None, integer=False, quality=Quality())
    return {name: one.alias for name, one in zip(named.dictionary.to_pylist(), found, strict=True)}
