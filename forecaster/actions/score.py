"""Forecast and look for anomalies with the champion, and store what comes out."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._each import each, failures
from forecaster.actions._looking import look
from forecaster.actions._restated import unsaid
from forecaster.actions._telling import plain, relate, tell, tell_failure
from forecaster.actions.base import Outcome, instant
from forecaster.counted import counted
from forecaster.errors import ConfigError, DiskError
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHAMPION, Version

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.actions._looking import Scored
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["score"]


def score(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    as_of: Annotated[
        str | None, "Use only what was known at this past time, and take it for now. Default: now."
    ] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Forecast and look for anomalies with the champion, store both, and alert people to new events.

    Running it twice changes nothing. The champion is resolved to a version once, and every row records it. Rows that
    a model was trained on are never scored by it: anomalies come from the champion's rehearsal. Silences are looked for
    up to now. A pipeline that fails does not stop the others.
    """
    import pandas as pd

    when = app.as_of(instant(as_of, "--as-of") or datetime.now(UTC))
    rows = each(app.settings.forecasting(pipeline), lambda one: _scored_or_told(app, one, when, watch))
    failed = failures(rows)
    unreached = [f"{row['pipeline']}: {row['alert_error']}" for row in rows if "alert_error" in row]
    table = pd.DataFrame(rows).drop(columns=["error", "alert_error"], errors="ignore")
    return Outcome([*unreached, *failed], table, skipped=len(failed), facts={"scored": rows})


def _scored_or_told(app: "App", one: "Pipeline", when: datetime, watch: Watch) -> dict[str, Any]:
    """Score; if the disk is full, alert people to that, since there may be events that cannot be stored.

    The alert comes with each such scoring, because nothing can record that it was sent.
    """
    try:
        return _scored(app, one, when, watch)
    except DiskError as error:
        problems = tell_failure(app, one, "score", error)
        raise DiskError("; ".join([str(error).rstrip("."), *problems])) from error


def _scored(app: "App", one: "Pipeline", when: datetime, watch: Watch) -> dict[str, Any]:
    """Score as a run of the ledger; returns what was stored and alerted."""
    with app.ledger.lease(f"score:{one.name}"), app.ledger.run("score", one.name) as run:
        champion = app.registry.resolve(one.name, CHAMPION)
        if champion is None:
            raise ConfigError(
                f"pipeline '{one.name}' has no champion yet. Run: forecaster train {one.name}, forecaster promote {one.name}"
            )
        watch.say(f"{one.name}: scoring with version {champion.version}")
        alerts = {name: app.alert(name) for name in one.alerts}  # report a wrong setting before anything is stored
        scored = look(app, one, champion, when, watch)
        made_by = _made_by(one, champion, run.run_id, when)
        run.facts = {"events": _store_events(app, one, scored, made_by, watch)}
        try:
            run.facts |= _stored(app, one, scored, champion, made_by)
        finally:  # stored events are alerted even if a full disk takes no more
            app.ledger.events.wake(one.name, datetime.now(UTC))
            told, problem = tell(app, one, alerts)
            run.facts |= {"told": told, **({"alert_error": problem} if problem else {})}
        run.note(
            model=champion.tags.get("model", one.model),
            model_version=champion.version,
            as_of=when,
            lake_version=app.lake.version("observations"),
        )
    return {"version": champion.version, **run.facts}


def _made_by(one: "Pipeline", champion: Version, run_id: str, now: datetime) -> dict[str, Any]:
    """Columns that record the origin of every row."""
    model = champion.tags.get("model", one.model)
    return {"model": model, "model_version": champion.version, "run_id": run_id, "as_of": now}


def _stored(
    app: "App", one: "Pipeline", scored: "Scored", champion: Version, made_by: dict[str, Any]
) -> dict[str, Any]:
    """Store forecasts and scores, after the events; scores last, because scored rows are not looked at again."""
    forecasts = _store_forecasts(app, one, scored.forecasts, champion, made_by)
    scores = _store_scores(app, one, scored, champion, made_by)
    scored.keep()
    return {"forecasts": forecasts, "scores": scores}


def _store_forecasts(
    app: "App", one: "Pipeline", rows: "pd.DataFrame", champion: Version, made_by: dict[str, Any]
) -> int:
    """Forecasts from each series' last row, unless they are the newest already; returns the rows stored."""
    if len(rows) == 0:
        return 0
    made = app.lake.read("forecasts", series=rows["unique_id"].unique().tolist(), since=rows["ds"].min(), latest=False)
    fresh = unsaid(rows, made, champion.version).assign(**made_by)
    return app.lake.append("forecasts", fresh, transaction=_transaction(one, champion, fresh, "cutoff", "replaces"))


def _store_scores(app: "App", one: "Pipeline", scored: "Scored", champion: Version, made_by: dict[str, Any]) -> int:
    """Scores of rows not scored before; returns how many."""
    fresh = scored.scores[_after(scored.scores, "ds", scored.newest)].assign(**made_by)
    app.lake.append("scores", fresh, transaction=_transaction(one, champion, fresh, "ds"))
    return len(fresh)


def _store_events(app: "App", one: "Pipeline", scored: "Scored", made_by: dict[str, Any], watch: Watch) -> int:
    """Events in rows not scored before; returns how many are new."""
    begun = scored.events[_after(scored.events, "end", scored.newest)]
    # Events found in the first scoring of past rows are recorded, but not alerted.
    news = begun["unique_id"].isin(list(scored.newest))
    known = {name: value for name, value in made_by.items() if name != "as_of"}
    entries = begun.assign(pipeline=one.name, to_tell=news, **known).to_dict("records")
    put = app.ledger.events.put([{str(k): plain(v) for k, v in entry.items()} for entry in entries])
    app.ledger.events.close(one.name, scored.open)
    relate(app, one, begun)
    if one.alerts and not news.all():
        watch.say(
            f"{one.name}: {counted(int((~news).sum()), 'event')} of a series' first scoring: no alert; "
            f"see forecaster query anomalies {one.name}"
        )
    return len(put)


def _after(rows: "pd.DataFrame", column: str, newest: dict[str, Any]) -> "pd.Series[bool]":
    """Rows later than those already scored in their series; all rows of a series that never was."""
    import pandas as pd

    limits = pd.to_datetime(rows["unique_id"].map(newest), utc=True)
    return ~(rows[column] <= limits)


def _transaction(one: "Pipeline", champion: Version, rows: "pd.DataFrame", *places: str) -> str:
    """A transaction id, the same for the same rows of the same version."""
    keys = rows[["unique_id", *places]].drop_duplicates().astype(str).fillna("").agg("@".join, axis=1)
    digest = hashlib.sha256("|".join(sorted(keys)).encode()).hexdigest()[:20]
    return f"{one.name}:{champion.version}:{digest}"
