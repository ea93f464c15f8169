"""How old the last value of each series is, and whether it is late."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import dash_mantine_components as dmc
import pandas as pd

from dashboards.events_table import link
from dashboards.table import badge, table
from dashboards.wording import ago, step_of, when
from forecaster.client import Client
from forecaster.counted import counted
from forecaster.errors import SourceError

__all__ = ["ages", "lateness", "spared"]

_SERIES_SHOWN, _MOST_SERIES = 20, 20_000
_STEPS_FROM = timedelta(days=14)
_LATE_STEPS, _CLOSED = 3, timedelta(days=2)
"""A value is late after 3 steps; for a series with days without values, 2 days later."""


def ages(client: Client, now: datetime) -> Any:
    """A table of the age of each series' last value, the most overdue first. Raises: ForecasterError if the API does not answer"""
    found = client.series(limit=_MOST_SERIES)
    if len(found) == 0:
        return dmc.Text("No series yet.", c="dimmed")
    known = _judged(client, found, now)
    shown = known.head(_SERIES_SHOWN).to_dict("records")
    heads = ["Series", "Last value, UTC", "Age", "Step"]
    if any(row["problems"] for row in shown):
        heads.append(f"Problems of {_STEPS_FROM.days} days")
    rows = [dmc.TableTr(_age_cells(row, now)[: len(heads)]) for row in shown]
    return [dmc.Text(_said(known), size="sm", c="dimmed"), table(heads, rows)]


def _said(known: pd.DataFrame) -> str:
    """A sentence on how many series are late, and when a series counts as late."""
    late = int((known["late_by"] > 1).sum())
    parts = [f"{counted(late, 'series is', 'series are')} late" if late else "none is late"]
    parts[0] += f": late is what is older than {_LATE_STEPS} steps and the time from one scheduled reading to the next"
    if len(known) > _SERIES_SHOWN:
        parts.append(f"the {_SERIES_SHOWN} latest of {len(known):,} are shown")
    if (unknown := int((known["step"] == "").sum())) == len(known):
        parts = ["no step is known yet, so none can be called late"]
    elif unknown:
        parts.append(f"of {unknown:,} no step is known")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _judged(client: Client, known: pd.DataFrame, now: datetime) -> pd.DataFrame:
    """All series with step, problems and `late_by`, the most overdue first."""
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
    known = known.merge(_looked_at(client, known["last_ds"].max().floor("D"), quarter), on="unique_id", how="left")
    known["problems"] = known["problems"].fillna("")
    known["step"] = known["step"].fillna("").mask(known["step"] == "", known["found_step"]).fillna("")
    known["late_by"] = [
        lateness(row["last_ds"], step_of(row["step"]), now, spared(row)) for row in known.to_dict("records")
    ]
    return known.sort_values(["late_by", "unique_id"], ascending=[False, True])


def _looked_at(client: Client, newest: datetime, quarter: datetime) -> pd.DataFrame:
    """Steps and problems of recent rows; empty if the API takes too long to count them, so that only ages are shown."""
    try:
        found = pd.DataFrame() if pd.isna(newest) else _counted(client, newest, quarter)
    except SourceError:
        found = pd.DataFrame()
    return (
        found.rename(columns={"step": "found_step"})
        .reindex(columns=["unique_id", "found_step", "problems"])
        .astype(object)
    )


@lru_cache(maxsize=1)
def _counted(client: Client, newest: datetime, quarter: datetime) -> pd.DataFrame:
    """Steps and problems from the lake, kept for a quarter of an hour; a request that failed is not kept."""
    return client.quality(since=(newest - _STEPS_FROM).isoformat())


def lateness(last: datetime, step: timedelta | None, now: datetime, spare: timedelta) -> float:
    """The age of a series' last value, divided by the age from which it is late: 3 steps plus `spare`. 0 if no step is known."""
    if step is None or pd.isna(last):
        return 0.0
    return (now - last) / (_LATE_STEPS * step + spare)


def spared(series: Mapping[str, Any]) -> timedelta:
    """The time without new values that is normal for a series: between scheduled readings, and on days without values."""
    closes = series["calendar"] not in (None, "", "24/7") or str(series["step"] or "").startswith("B")
    every_s = series["read_every_s"]
    return (_CLOSED if closes else timedelta(0)) + timedelta(seconds=0 if pd.isna(every_s) else every_s)


def _age_cells(row: dict[str, Any], now: datetime) -> list[Any]:
    there = pd.notna(row["last_ds"])
    late = [badge("late", "orange")] if row["late_by"] > 1 else []
    age = [dmc.Text(ago(row["last_ds"], now) if there else "never", size="sm"), *late]
    return [
        dmc.TableTd(link(row["unique_id"])),
        dmc.TableTd(when(row["last_ds"]) if there else "", style=_NARROW),
        dmc.TableTd(dmc.Group(age, gap="xs", wrap="nowrap"), style=_NARROW),
        dmc.TableTd(row["step"] or "unknown", style=_NARROW),
        dmc.TableTd(dmc.Text(row["problems"], size="xs", c="dimmed")),
    ]


_NARROW = {"whiteSpace": "nowrap"}
