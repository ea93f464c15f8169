"""Incidents: groups of events of related series that begin together; and events that merge into another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecaster import options
from forecaster.errors import ConfigError
from forecaster.scoring.events import SILENT
from forecaster.series.frequency import parse_duration

__all__ = ["Incidents", "of_events", "parents"]

_TAG = "tag:"


@dataclass(frozen=True, kw_only=True)
class Incidents:
    """Which events form one incident; a pipeline's setting `incidents = { by = ..., window = ... }`."""

    by: str = "entity"
    """Which series are related: by entity, by a tag (tag:NAME), all of the pipeline (pipeline), or none."""
    window: str = "1h"
    """Events that start within this time of the first one's start belong to its incident."""

    def __post_init__(self) -> None:
        if self.by not in ("entity", "pipeline", "none") and not (self.by.startswith(_TAG) and self.by != _TAG):
            raise ValueError(f"incidents.by: expected entity, tag:NAME, pipeline or none, got '{self.by}'")
        parse_duration(self.window)

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str) -> "Incidents":
        """From a pipeline's settings. Raises: ConfigError for a wrong one"""
        try:
            made: Incidents = options.make(cls, options.sort(values, {"incidents": cls})["incidents"])
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error
        return made

    @property
    def span(self) -> pd.Timedelta:
        """The window as a length of time."""
        return pd.Timedelta(parse_duration(self.window), unit="us")

    def groups(self, series: pd.DataFrame, pipeline: str) -> dict[str, str]:
        """The group of each series that has one; `series` is the ledger's table."""
        if self.by == "none":
            return {}
        if self.by == "pipeline":
            return dict.fromkeys(series.loc[series["stream"] == pipeline, "unique_id"], pipeline)
        tag = self.by.removeprefix(_TAG)
        values = (
            series["entity"]
            if self.by == "entity"
            else series["tags"].map(lambda tags: tags.get(tag) if isinstance(tags, dict) else None)
        )
        return {
            name: str(value)
            for name, value in zip(series["unique_id"], values, strict=True)
            if value and pd.notna(value)
        }

    def put_in(self, fresh: pd.DataFrame, known: pd.DataFrame, groups: Mapping[str, str]) -> dict[str, str]:
        """Assign each new event to an incident, in order of start.

        An event joins the incident of its parent or child, else that of its group which began nearest, at most a window
        away; else it starts a new one, `group@start`, or named like the event if its series has no group.
        """
        put = dict(zip(known["event_id"], known["incident_id"].fillna(known["event_id"]), strict=True))
        begun: dict[str, dict[str, pd.Timestamp]] = {}
        for event_id, name, start in zip(known["event_id"], known["unique_id"], known["start"], strict=True):
            starts = begun.setdefault(groups.get(name, ""), {})
            starts[put[event_id]] = min(start, starts.get(put[event_id], start))
        kin = _kin(pd.concat([known, fresh]))
        for one in fresh.sort_values(["start", "event_id"]).to_dict("records"):
            group, start, event_id = groups.get(one["unique_id"]), one["start"], one["event_id"]
            starts = {} if group is None else begun.setdefault(group, {})
            near = {name: abs(start - first) for name, first in starts.items() if abs(start - first) <= self.span}
            own = event_id if group is None else f"{group}@{start.isoformat()}"
            found = put.get(kin.get(event_id, "")) or min(near, key=near.__getitem__, default=own)
            put[event_id] = found
            starts.setdefault(found, start)
        return {event_id: put[event_id] for event_id in fresh["event_id"]}


def _kin(events: pd.DataFrame) -> dict[str, str]:
    """For each event with a parent that parent, and for each parent one of its children."""
    merged = events.dropna(subset="parent_id")
    return {
        **dict(zip(merged["parent_id"], merged["event_id"], strict=True)),
        **dict(zip(merged["event_id"], merged["parent_id"], strict=True)),
    }


def parents(found: pd.DataFrame, known: pd.DataFrame) -> dict[str, str]:
    """Events that have merged with another of their series, each with its parent, which is the one that began first.

    Known events that a new detection no longer finds, because a found event overlaps them, are merged with that event.
    Silences never merge: one that values have ended is over, and the next is a different one.
    """
    gone = known[~known["event_id"].isin(found["event_id"])]
    pairs = found.merge(gone, on="unique_id", suffixes=("", "_gone"))
    pairs = pairs[(pairs["start"] <= pairs["end_gone"]) & (pairs["start_gone"] <= pairs["end"])]
    pairs = pairs[(pairs["direction"] != SILENT) & (pairs["direction_gone"] != SILENT)]
    taken = set(known.loc[known["parent_id"].notna(), "event_id"])
    put: dict[str, str] = {}
    for one in pairs.sort_values(["start_gone", "start"]).to_dict("records"):
        now, then = (one["start"], one["event_id"]), (one["start_gone"], one["event_id_gone"])
        child, parent = (now, then) if then < now else (then, now)
        if child[1] not in taken and put.get(parent[1]) != child[1]:
            put.setdefault(child[1], parent[1])
    return put


def of_events(events: pd.DataFrame) -> pd.DataFrame:
    """Incidents of some events, the newest first: times, severity, series, and state.

    `lead` is the most severe event. An incident is `open` while any of its events is, then has the state of its lead.
    """
    rows = []
    ids = events["incident_id"].fillna(events["event_id"])
    for incident_id, part in events.groupby(ids, sort=False):
        lead = part.sort_values(["severity", "start"], ascending=[False, True]).iloc[0]
        rows.append(
            {
                "incident_id": incident_id,
                "start": part["start"].min(),
                "end": part["end"].max(),
                "is_open": bool(part["is_open"].fillna(False).any()),
                "severity": lead["severity"],
                "state": "open" if (part["state"] == "open").any() else lead["state"],
                "events": len(part),
                "series": part.sort_values("start")["unique_id"].unique().tolist(),
                "lead": lead["event_id"],
                "pipeline": lead["pipeline"],
            }
        )
    names = ["incident_id", "start", "end", "is_open", "severity", "state", "events", "series", "lead", "pipeline"]
    return pd.DataFrame(rows, columns=names).sort_values("start", ascending=False, kind="stable", ignore_index=True)
