"""Show stored data: forecasts, anomalies, incidents, labels, observations, runs and others."""

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from forecaster.actions._model_versions import model_versions
from forecaster.actions.base import Outcome, State, instant, rendered
from forecaster.errors import ConfigError
from forecaster.query_tables import QUERY_TABLES

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App

__all__ = ["query"]

_NAMES = list(QUERY_TABLES)


def query(
    what: Annotated[str, f"{', '.join(_NAMES[:-1])} or {_NAMES[-1]}."],
    *,
    pipeline: Annotated[str | None, "Only rows of this pipeline. Default: all."] = None,
    series: Annotated[list[str] | None, "Names of series. Default: all."] = None,
    since: Annotated[str | None, "Start of the time span (included), e.g. 2024-03-31 or 2024-03-31T01:00Z."] = None,
    until: Annotated[str | None, "End of the time span (not included)."] = None,
    as_of: Annotated[str | None, "Show what was known at this time. Default, and for a future time: now."] = None,
    state: Annotated[State | None, "Only anomalies with this label, e.g. open. Default: all."] = None,
    limit: Annotated[int | None, "Greatest number of rows."] = None,
    newest_first: Annotated[
        bool, "Newest rows first, so that --limit keeps these; events, runs and slices are always shown so."
    ] = False,
    format: Annotated[Literal["table", "csv", "json", "parquet"], "Format of the output."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """Show stored data. Of forecasts and observations, the latest row of each series and time is shown."""
    from forecaster.errors import unknown_name

    start, end, known = instant(since, "--since"), instant(until, "--until"), instant(as_of, "--as-of")
    known = None if known is None or known >= datetime.now(UTC) else app.as_of(known)
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit must be at least 1, got {limit}.")
    if pipeline is not None:
        app.settings.pipeline(pipeline)
    if what not in QUERY_TABLES:
        raise unknown_name("query", what, QUERY_TABLES)
    table = QUERY_TABLES[what]
    if newest_first and not table.has_times:
        raise ConfigError(f"--newest-first is for rows with a time of their own, which {what} have not.")
    if state is not None and not table.has_states:
        raise ConfigError(f"--state is for anomalies, not for {what}.")
    for option, value in {"series": series, "since": since, "until": until, "as_of": as_of}.items():
        if value is not None and option in table.refused:
            raise ConfigError(f"--{option.replace('_', '-')} is not for {what}.")
    most = None if limit is None else limit + 1  # one more says whether there are more
    if what == "models":
        frame = model_versions(app, pipeline)[:most]
    elif what in ("runs", "performance", "slices", "watermarks", "series"):
        frame = _of_ledger(app, what, pipeline, series, start, end, most)
    else:
        span = {"series": series, "since": start, "until": end, "as_of": known}
        frame = _of_series(app, what, pipeline, state, most, newest_first, **span)
    is_cut = limit is not None and len(frame) > limit
    frame = frame[:limit]
    if format == "table" and out is None:
        frame = _for_a_screen(what, frame)
    outcome = rendered(frame, format, out)
    notes = [] if outcome.text or len(frame) or what == "series" else app.unknown_series(series or ())
    if what == "watermarks" and not outcome.text:
        notes = _gone(app, frame)
    return replace(outcome, lines=[*outcome.lines, *notes], facts={**outcome.facts, "is_cut": is_cut})


def _gone(app: "App", marks: "pd.DataFrame") -> list[str]:
    """A line for each pipeline that has been read, and is in the project no more."""
    return [
        f"pipeline '{name}' is not in the project file: nothing reads its parts any more. Their marks stay, for it reads on from "
        "there if it comes back"
        for name in sorted(set(marks["stream"]) - set(app.settings.pipelines))
    ]


def _for_a_screen(what: str, frame: "pd.DataFrame") -> "pd.DataFrame":
    """The columns to show on a screen; several names of series are joined by commas."""
    shown = frame[[name for name in QUERY_TABLES[what].shown if name in frame.columns]]
    return shown.assign(series=shown["series"].map(", ".join)) if what == "incidents" else shown


def _of_ledger(
    app: "App",
    what: str,
    pipeline: str | None,
    series: list[str] | None,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
) -> "pd.DataFrame":
    """Rows of a table of the ledger: runs, performance, slices, watermarks or series."""
    if what == "runs":
        return app.ledger.find_runs(pipeline=pipeline, since=since, until=until, limit=limit)
    if what == "performance":
        return _performance(app.ledger.find_runs(pipeline=pipeline, verb="monitor", since=since, until=until))[:limit]
    if what == "slices":
        return app.ledger.find_slices(stream=pipeline, since=since, until=until, limit=limit)
    if what == "watermarks":
        return app.ledger.watermarks(pipeline)[:limit]
    found = app.ledger.find_series(stream=pipeline, texts=series or (), limit=limit)
    return found.assign(read_every_s=found["stream"].map(_waits(app)).astype(float))


def _performance(runs: "pd.DataFrame") -> "pd.DataFrame":
    """A row for each version that a run of `monitor` has judged."""
    import pandas as pd

    rows = [
        {"pipeline": run["pipeline"], "at": run["started_at"], **version, "run_id": run["run_id"]}
        for run in runs.to_dict("records")
        for version in (run["facts"] or {}).get("versions", [])
    ]
    return pd.DataFrame(rows, columns=None if rows else QUERY_TABLES["performance"].shown)


def _waits(app: "App") -> dict[str, float]:
    """The longest time between two scheduled readings of each pipeline, in seconds; without pipelines that have no schedule, or
    whose source sends by itself."""
    from forecaster.actions._services import sends
    from forecaster.series.timetable import longest_wait

    found = {}
    for one in app.settings.pipelines.values():
        with suppress(ConfigError):  # `check` names a wrong schedule
            wait = longest_wait(one.schedule) if one.schedule.strip() and not sends(one) else None
            if wait is not None:
                found[one.name] = wait.total_seconds()
    return found


def _of_series(
    app: "App", what: str, pipeline: str | None, state: str | None, limit: int | None, newest_first: bool, **asked: Any
) -> "pd.DataFrame":
    """Rows of a table about series in a time span."""
    if what == "quality":
        return _quality(app, pipeline, limit, **asked)
    if pipeline is not None:
        own = app.ledger.find_series(stream=pipeline)["unique_id"]
        asked["series"] = own.tolist() if asked["series"] is None else own[own.isin(asked["series"])].tolist()
    if what == "incidents":
        return _incidents(app, limit, **asked)
    if what in ("anomalies", "labels"):
        asked["series_ids"] = asked.pop("series")
        if what == "labels":
            return app.ledger.events.find_labels(**asked, limit=limit)
        return app.ledger.events.find(**asked, state=state, limit=limit)
    return app.lake.read(what, **asked, limit=limit, newest_first=newest_first)


def _quality(
    app: "App",
    pipeline: str | None,
    limit: int | None,
    *,
    series: list[str] | None,
    since: datetime | None,
    until: datetime | None,
    as_of: datetime | None,
) -> "pd.DataFrame":
    """Problems of the series of some pipelines, by the contract of each pipeline."""
    from forecaster.store.quality import quality

    contracts = {one.name: app.contract(one) for one in app.settings.chosen(pipeline)}
    now = as_of or datetime.now(UTC)
    known = app.ledger.find_series()
    days = known[known["stream"].isin(list(contracts))].replace({"calendar": {None: "", "24/7": ""}})
    days = days[(days["calendar"] != "") | (days["step"] == "B")]
    stepping = known[known["step"].fillna("") != ""]
    found = quality(
        app.lake,
        contracts,
        now,
        owned={str(name): mine.tolist() for name, mine in known.groupby("stream")["unique_id"]},
        series=series,
        since=since,
        until=until,
        calendars=dict(zip(days["unique_id"], days["calendar"], strict=True)),
        steps=dict(zip(stepping["unique_id"], stepping["step"], strict=True)),
        refusing={name: app.ledger.refusing_slices(name) for name in contracts},
    )
    return found[:limit]


def _incidents(app: "App", limit: int | None, *, series: list[str] | None, **asked: Any) -> "pd.DataFrame":
    """Incidents with an event among those asked for; each with all its events."""
    from forecaster.scoring.incidents import of_events

    some = app.ledger.events.find(series_ids=series, **asked)
    ids = some["incident_id"].fillna(some["event_id"]).unique().tolist()
    return of_events(app.ledger.events.find(incidents=ids, as_of=asked["as_of"])).head(
        len(ids) if limit is None else limit
    )
