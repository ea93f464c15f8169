"""Relates the events of a scoring to others and to incidents, and sends alerts."""

from typing import TYPE_CHECKING, Any

from forecaster.errors import ForecasterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from forecaster.alerts.base import Alert
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["plain", "relate", "tell", "tell_failure", "tell_worse"]


def relate(app: "App", one: "Pipeline", begun: "pd.DataFrame") -> None:
    """Set the parents of events and the incidents of new ones; events that join an alerted incident need no alert.

    New events are those without an incident, even if an earlier run that was killed recorded them.
    """
    from forecaster.scoring.incidents import Incidents, parents

    if len(begun) == 0:
        return
    ledger, incidents = app.ledger, Incidents.of(one.incidents, f"pipeline '{one.name}'")
    names = begun["unique_id"].unique().tolist()
    ledger.events.relate("parent_id", parents(begun, ledger.events.find(series_ids=names, since=begun["start"].min())))
    groups = incidents.groups(ledger.find_series(), one.name)
    touched = {groups.get(name) for name in names}
    alike = {name for name, group in groups.items() if group in touched} | set(names)
    near = ledger.events.find(series_ids=sorted(alike), since=begun["start"].min() - incidents.span)
    fresh = near["event_id"].isin(begun["event_id"]) & near["incident_id"].isna()
    put = incidents.put_in(near[fresh], near[~fresh], groups)
    over = set(near.loc[near["notified_at"].notna(), "incident_id"].dropna())
    ledger.events.need_not_tell([event_id for event_id, incident in put.items() if incident in over])
    ledger.events.relate("incident_id", put)


def tell(app: "App", one: "Pipeline", alerts: "Mapping[str, Alert]") -> tuple[int, str]:
    """Send by each alert the waiting events that nobody has taken up, one per incident; returns how many incidents all
    alerts took, and any errors.

    A series with a snoozed event causes no alert until the snooze is over. What an alert could not send waits for the
    next run, in which those that took it do not get it again; without any configured alerts, nothing waits.
    """
    waiting = app.ledger.events.find(pipeline=one.name, to_tell=True, state="open")
    if not alerts:
        app.ledger.events.need_not_tell(waiting["event_id"].tolist())
        return 0, ""
    snoozed = waiting["unique_id"].isin(app.ledger.events.find(pipeline=one.name, state="snoozed")["unique_id"])
    incidents = _by_incident(waiting[~snoozed].drop(columns="to_tell"))
    before, problems = _takers(app, incidents), []
    for name, alert in alerts.items():
        lacking = [incident for incident, takers in zip(incidents, before, strict=True) if name not in takers]
        problems.append(_sent(app, one, name, alert, lacking))
    after = _takers(app, incidents)
    told = [incident for incident, takers in zip(incidents, after, strict=True) if takers.issuperset(alerts)]
    app.ledger.events.mark_notified([event_id for incident in told for event_id in incident["events"]])
    return len(told), "; ".join(filter(None, problems))


def _takers(app: "App", incidents: "Sequence[dict[str, Any]]") -> list[set[str]]:
    """Alerts that took each incident: for an alert that was told of one of its events, others that join it are no news."""
    took = app.ledger.events.delivered([event_id for incident in incidents for event_id in incident["events"]])
    return [set().union(*(took.get(event_id, ()) for event_id in incident["events"])) for incident in incidents]


def _sent(app: "App", one: "Pipeline", name: str, alert: "Alert", incidents: "Sequence[dict[str, Any]]") -> str:
    """Send incidents by an alert, and record that it took them; returns the error, if it did not."""
    if not incidents:
        return ""
    try:
        alert.send(one.name, incidents)
    except ForecasterError as error:
        return str(error)
    app.ledger.events.mark_delivered([event_id for incident in incidents for event_id in incident["events"]], name)
    return ""


def tell_failure(app: "App", one: "Pipeline", verb: str, error: ForecasterError) -> list[str]:
    """Report a failed verb by the pipeline's alerts; returns errors in sending them."""
    return _send(app, one, {"failed": verb, "error": str(error)})


def tell_worse(app: "App", one: "Pipeline", version: str, verdict: str) -> list[str]:
    """Report a champion that has become worse by the pipeline's alerts; returns errors in sending them."""
    return _send(app, one, {"worse": verdict, "model_version": version})


def _send(app: "App", one: "Pipeline", told: dict[str, Any]) -> list[str]:
    problems = []
    for name in one.alerts:
        try:
            app.alert(name).send(one.name, [told])
        except ForecasterError as problem:
            problems.append(str(problem))
    return problems


def _by_incident(events: "pd.DataFrame") -> list[dict[str, Any]]:
    """One alert for each incident: its most severe event, with the names of all of them and of their series."""
    ids = events["incident_id"].fillna(events["event_id"])
    alerts = []
    for _, part in events.sort_values("severity", ascending=False, kind="stable").groupby(ids, sort=False):
        lead = {str(k): plain(v) for k, v in part.iloc[0].to_dict().items()}
        alerts.append({**lead, "events": part["event_id"].tolist(), "series": part["unique_id"].unique().tolist()})
    return alerts


def plain(value: Any) -> Any:
    """Times as Python's own, missing ones as None."""
    if hasattr(value, "to_pydatetime"):
        return value.to_pydatetime()
    return None if isinstance(value, float) and value != value else value
