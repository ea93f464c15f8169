"""The first page: events of all series that still go on or have no label yet, and how old the last values are."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import html

from dashboards.events_table import events_table
from forecaster.client import Client
from forecaster.counted import counted

__all__ = ["duty"]

_STATES = ("open", "acknowledged", "snoozed", "confirmed")
"""States of the events to show; a confirmed event is shown as long as it goes on."""
_INCIDENTS_SHOWN, _MOST_EVENTS = 20, 20_000


def duty(client: Client, now: datetime) -> Any:
    """The content of the page. Raises: ForecasterError if the API does not answer"""
    events = _waiting(client)
    labels = client.labels(limit=_MOST_EVENTS)
    going_on, over = events[events["is_open"]], events[~events["is_open"]]
    unscored = _unscored(client, set(events["pipeline"]))
    return [
        _headline(going_on, over),
        *([dmc.Text(f"Not scored yet: {', '.join(unscored)}.", mb="md")] if unscored else []),
        *_section("Still going on", going_on, labels, now),
        *_later("Series", "ages"),
        *_section("Over, and not judged yet", over, labels, now),
        *_later("Models", "models"),
    ]


def _later(title: str, part: str) -> list[Any]:
    """A title, and the place of a part that the page does not wait for (`pages.py`)."""
    looking = dmc.Text("looking ...", c="dimmed")
    return [dmc.Title(title, order=4, mt="lg", mb="xs"), html.Div(looking, id=part)]


def _section(title: str, events: pd.DataFrame, labels: pd.DataFrame, now: datetime) -> list[Any]:
    """A title and a table of events; nothing if there are none."""
    if len(events) == 0:
        return []
    incidents = events["incident_id"].unique()
    shown = events[events["incident_id"].isin(incidents[:_INCIDENTS_SHOWN])]
    notes: list[Any] = [
        "Label an event: ",
        dmc.Code("forecaster label EVENT --as acknowledged --note 'on my way'"),
    ]
    if len(shown) < len(events):
        notes = [
            f"{len(events) - len(shown):,} more: ",
            dmc.Code("forecaster query anomalies --state open"),
            ". ",
            *notes,
        ]
    head = [dmc.Title(title, order=4), dmc.Text(f"{len(events):,}", c="dimmed")]
    return [
        dmc.Group(head, gap="xs", mt="lg", mb="xs"),
        events_table(shown, labels, now, linked=True),
        dmc.Text(notes, size="sm", c="dimmed", mt="xs"),
    ]


def _waiting(client: Client) -> pd.DataFrame:
    """The events to show: open ones first; among these the newest incident, and within it the most severe event."""
    parts = [client.anomalies(state=state, limit=_MOST_EVENTS) for state in _STATES]
    found = pd.concat([part for part in parts if len(part)]) if any(map(len, parts)) else None
    if found is None:
        return pd.DataFrame(columns=["event_id", "incident_id", "is_open", "pipeline"]).astype({"is_open": bool})
    found["is_open"] = found["is_open"].fillna(False).astype(bool)
    found["incident_id"] = found["incident_id"].fillna(found["event_id"])
    found = found[(found["state"] != "confirmed") | found["is_open"]]
    found["is_known"] = found["state"] != "open"
    found["began"] = found.groupby("incident_id")["start"].transform("max")
    order = ["is_known", "began", "incident_id", "severity"]
    return found.sort_values(order, ascending=[True, False, True, False], ignore_index=True)


def _unscored(client: Client, known: set[str]) -> list[str]:
    """Pipelines with series, but without scores; those with events are known to have some."""
    there = set(client.series(limit=_MOST_EVENTS)["stream"]) - known
    return sorted(name for name in there if len(client.scores(pipeline=name, limit=1)) == 0)


def _headline(going_on: pd.DataFrame, over: pd.DataFrame) -> Any:
    """The state of all series in one sentence."""
    new = going_on[~going_on["is_known"]] if len(going_on) else going_on
    if len(new):
        n, m = counted(len(new), "event"), counted(new["unique_id"].nunique(), "series", "series")
        text, colour = f"{n} of {m} still going on that nobody has taken up.", "red"
    elif len(going_on):
        text, colour = "All that is still going on has been taken up.", "blue"
    elif len(over):
        text, colour = f"Nothing is going on; {counted(len(over), 'event')} of before not judged yet.", "gray"
    else:
        text, colour = "Nothing is going on, and nothing waits to be judged.", "green"
    return dmc.Alert(dmc.Text(text, fw=500), color=colour, variant="light", my="md")
