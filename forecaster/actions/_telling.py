"""What events of a scoring are part of, and who is told of them."""

from typing import TYPE_CHECKING, Any

from forecaster.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["plain", "related", "tell", "undelivered"]


def related(app: "App", one: "Pipeline", begun: "pd.DataFrame", put: list[str]) -> set[str]:
    """Say which events are part of others, and the incident of new ones; gives those of which people were told with others."""
    from forecaster.scoring.incidents import Incidents, parents

    if len(begun) == 0:
        return set()
    ledger, incidents = app.ledger, Incidents.of(one.incidents, f"pipeline '{one.name}'")
    names = begun["unique_id"].unique().tolist()
    known = ledger.find_events(series_ids=names, since=begun["start"].min())
    ledger.relate_events("parent_id", parents(begun, known[~known["event_id"].isin(put)]))
    groups = incidents.groups(ledger.find_series(), one.name)
    alike = {name for name, group in groups.items() if group in {groups.get(name) for name in names}} | set(names)
    before = begun["start"].min() - incidents.span
    near = ledger.find_events(series_ids=sorted(alike), since=before)
    fresh = near["event_id"].isin(put)
    ledger.relate_events("incident_id", incidents.put_in(near[fresh], near[~fresh], groups))
    every = ledger.find_events(series_ids=sorted(alike), since=before)
    over = every.loc[every["notified_at"].notna(), "incident_id"]
    return set(every.loc[every["incident_id"].isin(over.dropna()), "event_id"])


def tell(app: "App", one: "Pipeline", announce: list[str]) -> tuple[int, list[str], str]:
    """Alerts for events that nobody has taken up, one an incident: how many, those to tell of later, and what went wrong.

    Of a series with a snoozed event nothing is told until the snooze is over.
    """
    if not one.alerts:
        return 0, [], ""
    waiting = app.ledger.find_events(pipeline=one.name, unnotified=True, state="open")
    waiting = waiting[waiting["event_id"].isin(announce)]
    snoozed = waiting["unique_id"].isin(app.ledger.find_events(pipeline=one.name, state="snoozed")["unique_id"])
    later, now = waiting.loc[snoozed, "event_id"].tolist(), waiting[~snoozed]
    if len(now) == 0:
        return 0, later, ""
    told = _by_incident(now)
    try:
        for name in one.alerts:
            app.alert(name).send(one.name, told)
    except SourceError as error:
        return 0, waiting["event_id"].tolist(), str(error)
    app.ledger.mark_notified(now["event_id"].tolist())
    return len(told), later, ""


def _by_incident(events: "pd.DataFrame") -> list[dict[str, Any]]:
    """One alert for each incident: its most severe event, with the names of all of them and of their series."""
    ids = events["incident_id"].fillna(events["event_id"])
    alerts = []
    for _, part in events.sort_values("severity", ascending=False, kind="stable").groupby(ids, sort=False):
        lead = {str(k): plain(v) for k, v in part.iloc[0].to_dict().items()}
        alerts.append({**lead, "events": part["event_id"].tolist(), "series": part["unique_id"].unique().tolist()})
    return alerts


def undelivered(app: "App", one: "Pipeline") -> list[str]:
    """Events that earlier runs announced in vain, or put off."""
    before = app.ledger.find_runs(pipeline=one.name, verb="score", limit=20)
    return [event for facts in before["facts"].dropna() for event in facts.get("undelivered", [])]


def plain(value: Any) -> Any:
    """Times as Python's own, missing ones as None."""
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    return None if isinstance(value, float) and value != value else value
