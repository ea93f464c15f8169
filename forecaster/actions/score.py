"""Forecast and look for anomalies with the champion, and store what comes out."""

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._feedback import feedback_of, verdicts
from forecaster.actions._telling import plain, related, tell, undelivered
from forecaster.actions.base import Outcome, instant
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHAMPION, Version

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.scoring.detect import Detected, Detection
    from forecaster.scoring.rules import Rules
    from forecaster.series.frame import Checked
    from forecaster.settings import Pipeline

__all__ = ["score"]


def score(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    as_of: Annotated[str | None, "Use only what was known at this time, and take it for now. Default: now."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Forecast and look for anomalies with the champion, store both, and tell people of new events.

    Running it twice changes nothing. The champion is resolved to a version once, and every row says which. Rows that
    a model was trained on are never scored by it: anomalies come from the champion's rehearsal. Series are silent up to now.
    """
    import pandas as pd

    when = instant(as_of, "--as-of") or datetime.now(UTC)
    rows, failed = [], []
    for one in app.settings.chosen(pipeline):
        with app.ledger.lease(f"score:{one.name}"), app.ledger.run("score", one.name) as run:
            champion = app.registry.resolve(one.name, CHAMPION)
            if champion is None:
                raise ConfigError(
                    f"pipeline '{one.name}' has no champion yet. Run: forecaster train {one.name}, forecaster promote {one.name}"
                )
            watch.say(f"{one.name}: scoring with version {champion.version}")
            facts = _score_one(app, one, champion, run.run_id, when)
            announce = facts.pop("announce")
            announce += [*app.ledger.wake(one.name, datetime.now(UTC)), *undelivered(app, one)]
            told, later, problem = tell(app, one, announce)
            run.note(
                model=champion.tags.get("model", one.model),
                model_version=champion.version,
                as_of=facts.pop("as_of"),
                lake_version=app.lake.version("observations"),
            )
            run.facts = {
                **facts,
                "told": told,
                **({"alert_error": problem} if problem else {}),
                **({"undelivered": later} if later else {}),
            }
        rows.append({"pipeline": one.name, "version": champion.version, **facts, "told": told})
        failed += [f"{one.name}: {problem}"] if problem else []
    return Outcome(failed, pd.DataFrame(rows), facts={"scored": rows})


def _score_one(app: "App", one: "Pipeline", champion: Version, run_id: str, now: datetime) -> dict[str, Any]:
    from pathlib import Path

    from forecaster.actions.train import observed
    from forecaster.evaluation.rehearsal import Rehearsal
    from forecaster.scoring.forecaster import Forecaster

    _, checked = observed(app, one, now)
    contents: Path = app.registry.fetch(champion)
    made_by = {
        "model": champion.tags.get("model", one.model),
        "model_version": champion.version,
        "run_id": run_id,
        "as_of": now,
    }
    forecasts = _forecast(app, one, Forecaster.load(contents / "model"), checked, champion, made_by)
    scores, events, announce = _detect(app, one, Rehearsal.load(contents / "rehearsal"), checked, champion, made_by)
    return {"forecasts": forecasts, "scores": scores, "events": events, "announce": announce, "as_of": now}


def _forecast(
    app: "App", one: "Pipeline", forecaster: Any, checked: "Checked", champion: Version, made_by: dict[str, Any]
) -> int:
    """Forecasts from each series' last row, unless this version made them before; returns the rows stored."""
    import pandas as pd

    rows = forecaster.predict(checked).assign(**made_by)
    made = app.lake.read("forecasts", series=rows["unique_id"].unique().tolist(), since=rows["ds"].min(), latest=False)
    made = made[made["model_version"] == champion.version]
    keys = ["unique_id", "ds", "cutoff"]
    known = pd.MultiIndex.from_frame(made[keys])
    fresh = rows[~pd.MultiIndex.from_frame(rows[keys]).isin(known)]
    return app.lake.append("forecasts", fresh, transaction=_transaction(one, champion, fresh, "cutoff"))


def _detect(
    app: "App", one: "Pipeline", rehearsal: Any, checked: "Checked", champion: Version, made_by: dict[str, Any]
) -> tuple[int, int, list[str]]:
    """Scores of rows not scored before and the events in them: rows stored, new events, those to tell people of."""
    from forecaster.scoring.detect import Detection
    from forecaster.scoring.detection_rows import events_of, scores_of

    now, names = made_by["as_of"], sorted({str(name) for grid in checked.grids for name in grid.unique_id})
    how = Detection(detector=one.detector, false_alarms=one.false_alarms, rules=rules_of(app, one))
    scored = app.lake.read("scores", series=names)
    found = found_by(rehearsal, checked, how, now, verdicts(app, names, now), scored)
    rows = scores_of(found)
    newest = {str(name): when for name, when in scored.groupby("unique_id")["ds"].max().items()}
    fresh = rows[_after(rows, "ds", newest)].assign(**made_by)
    app.lake.append("scores", fresh, transaction=_transaction(one, champion, fresh, "ds"))
    listed = events_of(found)
    begun = listed[_after(listed, "end", newest)]
    entries = begun.assign(pipeline=one.name, **{k: v for k, v in made_by.items() if k != "as_of"}).to_dict("records")
    put = app.ledger.put_events([{str(k): plain(v) for k, v in entry.items()} for entry in entries])
    app.ledger.close_events(one.name, listed.loc[listed["is_open"].astype(bool), "event_id"].tolist())
    told = related(app, one, begun, put)
    # What a first look back finds is history: recorded, but no news; nor is more of what people were told of.
    news = [entry["event_id"] for entry in entries if entry["event_id"] in put and entry["unique_id"] in newest]
    return len(fresh), len(put), [event_id for event_id in news if event_id not in told]


def found_by(
    rehearsal: Any,
    checked: "Checked",
    how: "Detection",
    now: datetime,
    said: "pd.DataFrame",
    scored: "pd.DataFrame | None",
) -> "list[Detected]":
    """What a rehearsed model finds, minding what people said (`feedback_of`); with a table of no verdicts, nothing."""
    from forecaster.scoring.detect import adopting_detector, detect

    found: list[Detected] = []
    for (grid, artefact), starts in zip(
        rehearsal.forecaster.matched(checked), rehearsal.test_starts(checked), strict=True
    ):
        detector, begins = adopting_detector(grid, starts, how, artefact)
        time, feedback = grid.clock.instant(now, "--as-of"), feedback_of(said, scored, grid)
        found.append(detect(grid, starts, detector, begins, how, time, feedback))
    return found


def rules_of(app: "App", one: "Pipeline") -> "Rules":
    """A pipeline's rules of events; tables that they name lie beside the project file."""
    from forecaster.scoring.rules import TABLES, Rules

    given = dict(one.rules)
    for name in TABLES:
        table = app.settings.root / str(given.get(name, ""))
        if table.is_file():
            given[name] = str(table)
    return Rules.of(given)


def _after(rows: "pd.DataFrame", column: str, newest: dict[str, Any]) -> "pd.Series[bool]":
    """Rows later than what was scored of their series; all of a series that never was."""
    import pandas as pd

    limits = pd.to_datetime(rows["unique_id"].map(newest), utc=True)
    return ~(rows[column] <= limits)


def _transaction(one: "Pipeline", champion: Version, rows: "pd.DataFrame", until: str) -> str:
    """The same for the same rows of the same version."""
    keys = rows[["unique_id", until]].drop_duplicates().astype(str).agg("@".join, axis=1)
    digest = hashlib.sha256("|".join(sorted(keys)).encode()).hexdigest()[:20]
    return f"{one.name}:{champion.version}:{digest}"
