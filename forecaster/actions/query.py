"""Look at what is stored: forecasts, anomalies, incidents and what was said of them, observations, runs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from forecaster.actions.base import Outcome, instant, rendered
from forecaster.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App

__all__ = ["query"]

_SHOWN = {
    "forecasts": ("unique_id", "ds", "cutoff", "mean", "q0.1", "q0.5", "q0.9", "model", "model_version"),
    "anomalies": ("event_id", "peak", "end", "severity", "direction", "is_open", "state", "model_version"),
    "incidents": ("incident_id", "end", "severity", "is_open", "state", "events", "series", "lead"),
    "labels": ("event_id", "state", "at", "by", "note", "until", "every"),
    "observations": ("unique_id", "ds", "y", "available_at", "quality"),
    "scores": ("unique_id", "ds", "y", "expected", "score", "is_anomaly", "model_version"),
    "series": ("unique_id", "stream", "domain", "unit", "step", "first_ds", "last_ds"),
    "runs": ("run_id", "verb", "pipeline", "status", "model", "model_version", "started_at", "finished_at"),
}
"""What each query is, and the columns that fit on a screen; files have them all."""


def query(
    what: Annotated[str, "forecasts, anomalies, incidents, labels, observations, scores, series or runs."],
    *,
    series: Annotated[list[str] | None, "Names of series. Default: all."] = None,
    since: Annotated[str | None, "First time, e.g. 2024-03-31 or 2024-03-31T01:00Z."] = None,
    until: Annotated[str | None, "First time that is no longer wanted."] = None,
    as_of: Annotated[str | None, "As things were known at this time. Default: now."] = None,
    limit: Annotated[int | None, "Most rows."] = None,
    format: Annotated[Literal["table", "csv", "json", "parquet"], "How to show them."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """Look at what is stored. Forecasts and observations are the latest known of each series and time."""
    from forecaster.errors import unknown_name

    start, end, known = instant(since, "--since"), instant(until, "--until"), instant(as_of, "--as-of")
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, got {limit}.")
    if what == "runs":
        frame = app.ledger.find_runs(since=start, limit=limit)
    elif what == "anomalies":
        frame = app.ledger.find_events(series_ids=series, since=start, until=end, as_of=known, limit=limit)
    elif what == "incidents":
        frame = _incidents(app, limit, series_ids=series, since=start, until=end, as_of=known)
    elif what == "labels":
        frame = app.ledger.find_labels(series_ids=series, since=start, until=end, limit=limit)
    elif what == "series":
        frame = app.ledger.find_series(text=series[0] if series else None, limit=limit)
    elif what in ("forecasts", "observations", "scores"):
        frame = app.lake.read(what, series=series, since=start, until=end, as_of=known, limit=limit)
    else:
        raise unknown_name("query", what, _SHOWN)
    if format == "table" and out is None:
        frame = frame[[name for name in _SHOWN[what] if name in frame.columns]]
    return rendered(frame, format, out)


def _incidents(app: "App", limit: int | None, **asked: Any) -> "pd.DataFrame":
    """Incidents of which an event is asked for, with all of their events."""
    from forecaster.scoring.incidents import of_events

    some = app.ledger.find_events(**asked)
    ids = some["incident_id"].fillna(some["event_id"]).unique().tolist()
    return of_events(app.ledger.find_events(incidents=ids, as_of=asked["as_of"])).head(
        len(ids) if limit is None else limit
    )
