"""Show which events other rules, another rate or people's labels would have given on stored data; no training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome, Settings, instant
from forecaster.counted import counted
from forecaster.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from forecaster.app import App
    from forecaster.scoring.detection import Detection
    from forecaster.settings import Pipeline

__all__ = ["replay"]


def replay(
    pipeline: Annotated[str, "Pipeline of the project file."],
    *,
    false_alarms: Annotated[str | None, "Alarms to accept on normal data. Default: the pipeline's."] = None,
    set_: Settings = None,
    since: Annotated[str | None, "First time of events that count, e.g. 2024-03-31."] = None,
    until: Annotated[str | None, "First time of events that no longer count."] = None,
    events: Annotated[Path | None, "File to write the events to that there would have been."] = None,
    feedback: Annotated[
        bool, "Try what people said of events, as if each had been labelled when it ended; the champion looks again."
    ] = False,
    app: "App",
) -> Outcome:
    """Show which events other rules, another rate or people's labels would have given on stored data; no training.

    Rules are set by `--set rules.KEY=VALUE`; others are the pipeline's. Counts the events of each series before and
    after: before are those that were raised, or with --feedback those that the champion raises without any labels.
    Nothing that is stored changes.
    """
    import pandas as pd

    from forecaster.actions._covariates import forecast_series
    from forecaster.actions._looking import how_of
    from forecaster.scoring.rules import among
    from forecaster.series.table_writer import write

    one, (given, others) = app.settings.pipeline(pipeline), among(set_)
    if others:
        raise ConfigError(f"--set {next(iter(others))}: a replay takes rules.KEY=VALUE only.")
    span = instant(since, "--since"), instant(until, "--until")
    names = forecast_series(app, one)["unique_id"].tolist()
    scores = app.lake.read("scores", series=names) if names else pd.DataFrame()
    if len(scores) == 0:
        raise DataError(f"pipeline '{one.name}' has no scores yet. Run: forecaster score {one.name}")
    how = how_of(app, one, given, false_alarms)
    looked = _with_feedback(app, one, how) if feedback else _over_scores(scores, how)
    before, after = (_within(found, *span) for found in looked[:2])
    counts = [found["unique_id"].value_counts().reindex(names, fill_value=0) for found in (before, after)]
    lines = [f"{counted(len(before), 'event')} before, {len(after)} after, at a rate of {how.false_alarms}", *looked[2]]
    if events is not None:
        write(after, events)
        lines.append(f"wrote {events}")
    shown = pd.DataFrame({"unique_id": names, "before": counts[0].to_numpy(), "after": counts[1].to_numpy()})
    return Outcome(lines, shown, facts={"before": len(before), "after": len(after), "rows": len(scores)})


def _within(events: "pd.DataFrame", since: "datetime | None", until: "datetime | None") -> "pd.DataFrame":
    """Events that start in a time span."""
    wanted = events["start"].notna()
    if since is not None:
        wanted &= events["start"] >= since
    if until is not None:
        wanted &= events["start"] < until
    return events[wanted]


Looked = tuple["pd.DataFrame", "pd.DataFrame", list[str]]
"""Events before and after, and what else there is to say."""


def _over_scores(scores: "pd.DataFrame", how: "Detection") -> Looked:
    """Events by other rules and rate, from the stored scores."""
    from forecaster.scoring.detection_rows import events_of
    from forecaster.scoring.fdr import restrained
    from forecaster.scoring.replay import replay as replayed
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    checked = check(scores[["unique_id", "ds", "y"]], Roles())
    after = events_of(restrained(replayed(checked, scores, how), how, checked.quality))
    raised = scores.dropna(subset="event_id").groupby("event_id")
    before = raised.agg(unique_id=("unique_id", "first"), start=("ds", "min"))
    old = int(scores["opening_p"].isna().sum())
    said = (
        f"{old} of {len(scores)} rows were stored by an earlier version, without what a replay needs: no events there"
    )
    return before, after, [said] if old else []


def _with_feedback(app: "App", one: "Pipeline", how: "Detection") -> Looked:
    """Events by the champion, without people's labels and with them."""
    from datetime import UTC, datetime

    from forecaster.actions._feedback import verdicts
    from forecaster.actions._looking import found_by
    from forecaster.actions._observed import observed
    from forecaster.evaluation.rehearsal import Rehearsal
    from forecaster.registry.base import CHAMPION
    from forecaster.scoring.detection_rows import events_of

    champion, now = app.registry.resolve(one.name, CHAMPION), datetime.now(UTC)
    if champion is None:
        raise ConfigError(
            f"pipeline '{one.name}' has no champion, which looks again. Run: forecaster promote {one.name}"
        )
    rehearsal = Rehearsal.load(app.registry.fetch(champion) / "rehearsal")
    frame, checked = observed(app, one, now, rehearsal.forecaster.roles)
    said = verdicts(app, frame["unique_id"].unique().tolist(), now)
    before, after = (events_of(found_by(rehearsal, checked, how, now, some, None)) for some in (said.head(0), said))
    return before, after, _fates(said[said["over"].isna()], after)


def _fates(said: "pd.DataFrame", after: "pd.DataFrame") -> list[str]:
    """How many of the labelled events there would still be."""
    kept = said[["unique_id", "start", "end", "state", "event_id"]].merge(
        after, on="unique_id", suffixes=("", "_after")
    )
    kept = kept[(kept["start"] <= kept["end_after"]) & (kept["start_after"] <= kept["end"])]
    still, every = kept.groupby("state")["event_id"].nunique(), said.groupby("state")["event_id"].nunique()
    return [f"of {count} called {state} there would be {still.get(state, 0)}" for state, count in every.items()]
