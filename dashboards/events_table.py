"""A table of events: severity, series, start, duration, and label."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import dash_mantine_components as dmc
import pandas as pd
from dash import dcc, html

from dashboards.table import badge, table
from dashboards.wording import ago, length, when
from forecaster.counted import counted

__all__ = ["SPANS", "events_table", "link"]

SPANS = {
    "1w": timedelta(days=7),
    "1m": timedelta(days=30),
    "3m": timedelta(days=91),
    "1y": timedelta(days=365),
    "all": None,
}
"""Time spans before its last value for which a series can be shown; None for all of it."""
_ARROWS = {"up": "↑", "down": "↓"}
_COLOURS = {"open": "gray", "acknowledged": "blue", "snoozed": "violet", "confirmed": "orange"}


def link(name: str, span: str = "3m") -> Any:
    """A link to the page of a series."""
    style = {"overflowWrap": "anywhere", "color": "var(--mantine-color-anchor)", "textDecoration": "none"}
    return dcc.Link(name, href="?" + urlencode({"series": name, "span": span}), style=style)


def events_table(events: pd.DataFrame, labels: pd.DataFrame, now: datetime, *, linked: bool) -> Any:
    """One row for each incident, in the order of the events: its first event, and the others behind a fold.

    With `linked`, the names of the series are shown, as links to their pages.
    """
    said = labels.drop_duplicates("event_id").set_index("event_id").to_dict("index") if len(labels) else {}
    rows = []
    for _, part in events.groupby(events["incident_id"].fillna(events["event_id"]), sort=False):
        lead, *others = part.to_dict("records")
        rows.append(
            dmc.TableTr(
                [
                    dmc.TableTd(_severity(lead), style=_NARROW),
                    dmc.TableTd(_names(lead, others, now, linked=linked), style=_TOP),
                    dmc.TableTd(_began(lead, now), style=_NARROW),
                    dmc.TableTd(_lasts(lead), style=_NARROW),
                    dmc.TableTd(_state(lead, said.get(lead["event_id"])), style=_TOP),
                ]
            )
        )
    heads = ("Severity", "Series and event" if linked else "Event", "Began, UTC", "Lasts", "State")
    return table(heads, rows)


_TOP = {"verticalAlign": "top"}
_NARROW = {"whiteSpace": "nowrap", **_TOP}
_ID = {"overflowWrap": "anywhere", "fontFamily": "ui-monospace, monospace"}


def _severity(event: dict[str, Any]) -> Any:
    """Severity and direction of an event, and the p-value of its strangest row."""
    p = f"p {10 ** -event['severity']:.1g}" if event["direction"] != "silent" else "no values"
    return dmc.Stack([dmc.Text(_size(event), size="sm", fw=600), dmc.Text(p, size="xs", c="dimmed")], gap=0)


def _size(event: dict[str, Any]) -> str:
    return f"{event['severity']:.1f} {_ARROWS.get(event['direction'], '')}".strip()


def _names(lead: dict[str, Any], others: list[dict[str, Any]], now: datetime, *, linked: bool) -> Any:
    """Series and ids of the events of an incident, and the id of the incident if it differs."""
    parts = _name(lead, now, linked=linked)
    if lead["incident_id"] not in (None, lead["event_id"]):
        parts.append(dmc.Text(f"incident {lead['incident_id']}", size="xs", c="dimmed", style=_ID))
    if others:
        more = [dmc.Stack(_name(one, now, linked=linked, with_severity=True), gap=2, mt="xs") for one in others]
        style = {"cursor": "pointer", "fontSize": "var(--mantine-font-size-sm)"}
        parts.append(
            html.Details([html.Summary(f"and {counted(len(others), 'event')} more of it", style=style), *more])
        )
    return dmc.Stack(parts, gap=2)


def _name(event: dict[str, Any], now: datetime, *, linked: bool, with_severity: bool = False) -> list[Any]:
    """The series of an event, the event's id, which `forecaster label` takes, and what it was found by."""
    event_id = event["event_id"]
    of_id = [dmc.Text(event_id, size="xs", c="dimmed", style=_ID), _copy(event_id)]
    parts: list[Any] = [dmc.Group(of_id, gap=6, wrap="nowrap", align="start")]
    found_by = event.get("found_by")
    if isinstance(found_by, str) and found_by:  # events of earlier versions have none
        parts.append(dmc.Text(f"found by: {found_by}", size="xs", c="dimmed"))
    if linked:
        taken = "" if event["state"] == "open" else f", {event['state']}"
        severity = [dmc.Text(_size(event) + taken, size="sm", fw=600)] if with_severity else []
        parts.insert(0, dmc.Group([link(event["unique_id"], _span(event["start"], now)), *severity], gap="xs"))
    return parts


def _copy(text: str) -> Any:
    return dcc.Clipboard(content=text, title="copy the id", style={"cursor": "pointer", "flex": "none", "opacity": 0.6})


def _span(start: datetime, now: datetime) -> str:
    """The shortest time span that shows the start of an event and some time before it."""
    return next((name for name, span in SPANS.items() if span is None or (now - start) * 1.5 < span), "all")


def _began(event: dict[str, Any], now: datetime) -> Any:
    return dmc.Stack(
        [dmc.Text(when(event["start"]), size="sm"), dmc.Text(ago(event["start"], now), size="xs", c="dimmed")], gap=0
    )


def _lasts(event: dict[str, Any]) -> Any:
    """The duration of an event, up to now if it goes on."""
    lasted = event["end"] - event["start"]
    text = dmc.Text(length(lasted) if lasted else "one value", size="sm")
    if not event["is_open"]:
        return text
    return dmc.Stack([dmc.Text("going on", size="sm", fw=600, c="red"), text], gap=0)


def _state(event: dict[str, Any], label: Any) -> Any:
    """The label of an event, who gave it, and until when a snooze lasts."""
    state = str(event["state"])
    lines = []
    if state == "snoozed" and pd.notna(event["snoozed_until"]):
        lines.append(f"until {when(event['snoozed_until'])}")
    if label is not None and label["state"] == state:
        lines.append(f"by {label['by']}" + (f": {label['note']}" if label["note"] else ""))
    shown = badge(state.replace("_", " "), _COLOURS.get(state, "gray"))
    return dmc.Stack([shown, *(dmc.Text(line, size="xs", c="dimmed") for line in lines)], gap=2, align="flex-start")
