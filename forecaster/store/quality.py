"""Problems of stored series: gaps, rejected and duplicate rows, flat lines, silent series."""

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from forecaster.counted import counted, lasting
from forecaster.errors import MissingPackage
from forecaster.series.contract import Contract
from forecaster.series.frequency import DAY, fixed, parse_duration
from forecaster.series.sessions import Days, sessions
from forecaster.store.border import TWIN
from forecaster.store.lake import BUCKETS, Lake, bucket_of
from forecaster.store.lake_sql import Reach, conditions, cursor, empty, newest

__all__ = ["COLUMNS", "quality"]

log = logging.getLogger(__name__)

COLUMNS = [
    "unique_id", "stream", "rows", "first_ds", "last_ds", "step", "gaps", "longest_gap_s", "flat_rows", "rejected", "duplicates", "age_s",
    "problems",
]  # fmt: skip
_COUNTS = ("rows", "gaps", "flat_rows", "rejected", "duplicates")
_SERIES = """
WITH latest AS (SELECT unique_id, ds, y, stream FROM {source} {wanted} {newest}),
steps AS (
    SELECT *, date_diff('microsecond', lag(ds) OVER w, ds) AS gap, y IS DISTINCT FROM lag(y) OVER w AS moved
    FROM latest WINDOW w AS (PARTITION BY unique_id ORDER BY ds)
),
levels AS (SELECT *, sum(moved::INTEGER) OVER (PARTITION BY unique_id ORDER BY ds) AS level FROM steps),
flat AS (
    SELECT unique_id, max(n) AS flat_rows
    FROM (SELECT unique_id, level, count(*) AS n FROM levels GROUP BY ALL) GROUP BY unique_id
),
usual AS (
    SELECT unique_id, count(*) AS rows, min(ds) AS first_ds, max(ds) AS last_ds,
        quantile_disc(gap, 0.5) AS step_us, max(gap) AS longest_us FROM steps GROUP BY unique_id
),
gaps AS (
    SELECT unique_id, count(*) FILTER (gap > coalesce({limit}, 1.5 * step_us)) AS gaps
    FROM steps JOIN usual USING (unique_id) GROUP BY unique_id
)
SELECT * FROM usual JOIN flat USING (unique_id) JOIN gaps USING (unique_id)
"""
_DAYS = "SELECT unique_id, ds FROM {source} {wanted} GROUP BY ALL ORDER BY ALL"
_REJECTED = """
SELECT unique_id, count(*) FILTER (taken IS NULL) AS rejected, count(*) FILTER (twin) AS duplicates
FROM (SELECT unique_id, ds, slice_id, starts_with(reason, $twin) AS twin FROM {source} {wanted}) AS refused
LEFT JOIN (SELECT DISTINCT unique_id, ds, true AS taken FROM {taken}) AS taken USING (unique_id, ds)
WHERE $refusing IS NULL OR slice_id IN $refusing GROUP BY unique_id
"""
"""Repaired rows do not count: those replaced by another row, or whose slice was read again without refusals."""


def quality(
    lake: Lake,
    contracts: Mapping[str, Contract | None],
    now: datetime,
    *,
    owned: Mapping[str, Collection[str]],
    series: Sequence[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    calendars: Mapping[str, str] | None = None,
    steps: Mapping[str, str] | None = None,
    refusing: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """One row per series of some streams, those with problems first; `steps` are those that are known by another way, for
    others it is the median distance of rows.

    For a daily series in `calendars` only missing sessions of the trading calendar of that name are gaps, not days on
    which the exchange is closed; an empty name is Monday to Friday. Series in `owned` are a stream's whatever stream
    their rows came by. Rejected rows count only if still missing: in `refusing` slices of each stream (None: in any),
    and not accepted since.

    Missing: a series without accepted rows has counts of 0; one with a single row has no step
    """
    parts = [
        _of_stream(
            lake,
            stream,
            contract or Contract(),
            now,
            mine,
            Reach(series, since, until, bucket),
            calendars or {},
            None if refusing is None else refusing.get(stream, []),
        )
        for stream, contract in contracts.items()
        for bucket, mine in _by_bucket(owned.get(stream, ()), series).items()
    ]
    found = pd.concat([part for part in parts if len(part)], ignore_index=True) if any(map(len, parts)) else None
    if found is None:
        return pd.DataFrame(columns=COLUMNS)
    named = zip(found["unique_id"], found["step"], strict=True)
    found["step"] = [(steps or {}).get(name, own) for name, own in named]
    order = found.assign(well=found["problems"] == "").sort_values(["well", "unique_id"])
    return order[COLUMNS].reset_index(drop=True)


def _by_bucket(owned: Collection[str], series: Sequence[str] | None) -> dict[int, list[str]]:
    """Series of a stream (of those asked for, if any are) by their bucket of the lake."""
    asked = None if series is None else set(series)
    found: defaultdict[int, list[str]] = defaultdict(list)
    for bucket in range(BUCKETS) if asked is None else sorted({bucket_of(name) for name in asked}):
        found[bucket] = []
    for name in owned if asked is None else asked.intersection(owned):
        found[bucket_of(name)].append(name)
    return found


def _of_stream(
    lake: Lake,
    stream: str,
    contract: Contract,
    now: datetime,
    mine: Sequence[str],
    reach: Reach,
    calendars: Mapping[str, str],
    refusing: Sequence[str] | None,
) -> pd.DataFrame:
    limit = str(parse_duration(contract.max_gap)) if contract.max_gap else "NULL"
    within_mine = replace(reach, series=mine)
    taken = _asked(lake, "observations", _SERIES, None, within_mine, limit=limit, newest=newest("observations"))
    refused = _refused(lake, stream, Reach(reach.series, bucket=reach.bucket), refusing)
    within = reach.since is not None or reach.until is not None
    found = taken.merge(refused, how="left" if within else "outer", on="unique_id")
    found = found.reindex(columns=["unique_id", "first_ds", "last_ds", "step_us", "longest_us", *_COUNTS])
    found["stream"] = stream
    for name in _COUNTS:
        found[name] = found[name].fillna(0).astype("int64")
    found["step"] = [fixed(int(step)).alias if step == step and step else "" for step in found["step_us"]]
    found["longest_gap_s"] = found["longest_us"] / 1e6
    if not contract.max_gap:
        _count_sessions(lake, found, reach, calendars)
    found["age_s"] = (pd.Timestamp(now) - found["last_ds"]).dt.total_seconds()
    found["problems"] = ["; ".join(_problems(row, contract)) for row in found.to_dict("records")]
    return found[COLUMNS]


def _count_sessions(lake: Lake, found: pd.DataFrame, reach: Reach, calendars: Mapping[str, str]) -> None:
    """Count gaps of daily series by missing sessions; consecutive missing sessions are one gap."""
    daily = [
        name for name, step in zip(found["unique_id"], found["step"], strict=True) if step == "D" and name in calendars
    ]
    days = _asked(lake, "observations", _DAYS, None, Reach(daily, reach.since, reach.until)) if daily else None
    for name, mine in days.groupby("unique_id") if days is not None else ():
        there = np.unique(mine["ds"].dt.tz_convert(None).to_numpy().astype("datetime64[D]"))
        apart = _apart(there, str(name), calendars[str(name)])
        row = found["unique_id"] == name
        found.loc[row, "step"] = "B"
        found.loc[row, "gaps"] = int((apart > 1).sum())
        found.loc[row, "longest_gap_s"] = float(apart.max(initial=0) * DAY / 1e6)


def _apart(there: Days, name: str, calendar: str) -> Any:
    """Sessions from each day to the next one."""
    try:
        if calendar:
            return np.diff(sessions(calendar).positions(there, np.full_like(there, there[0])))
    except MissingPackage as error:
        log.warning("gaps of series '%s' are counted from Monday to Friday: %s", name, error)
    return np.busday_count(there[:-1], there[1:])


def _problems(row: Mapping[Any, Any], contract: Contract) -> list[str]:
    """Problems that a person should look at."""
    stale = parse_duration(contract.stale) / 1e6 if contract.stale else None
    said = [
        (row["gaps"] > 0, f"{counted(row['gaps'], 'gap')}, the longest of {lasting(row['longest_gap_s'])}"),
        (row["rejected"] > 0, f"{counted(row['rejected'], 'row')} rejected"),
        (row["duplicates"] > 0, counted(row["duplicates"], "duplicate")),
        (0 < contract.flat <= row["flat_rows"], f"{row['flat_rows']} equal values in a row"),
        (stale is not None and row["age_s"] > stale, f"nothing for {lasting(row['age_s'])}"),
        (row["rows"] == 0, "nothing was taken"),
    ]
    return [text for is_so, text in said if is_so]


def _refused(lake: Lake, stream: str, reach: Reach, refusing: Sequence[str] | None) -> pd.DataFrame:
    """Numbers of rows of each series that were rejected and are still missing, and of duplicates."""
    if lake.source("quarantine", reach) is None:  # nothing was ever rejected
        return pd.DataFrame({"unique_id": pd.Series([], dtype=str), "rejected": [], "duplicates": []})
    taken = lake.source("observations", reach) or empty("observations")
    given = {"refusing": None if refusing is None else list(refusing), "twin": TWIN}
    return _asked(lake, "quarantine", _REJECTED, stream, reach, given, taken=taken)


def _asked(
    lake: Lake,
    table: str,
    query: str,
    stream: str | None,
    reach: Reach,
    given: Mapping[str, Any] | None = None,
    **more: str,
) -> pd.DataFrame:
    """The result of a query over one stream of a table, or over the series within reach of whatever stream."""
    source = lake.source(table, reach) or empty(table)
    wanted, values = conditions(table, reach, stream=stream)
    with cursor(lake.root) as connection:
        made = connection.sql(query.format(source=source, wanted=wanted, **more), params={**values, **(given or {})})
        found: pd.DataFrame = made.to_arrow_table().to_pandas()
    return found
