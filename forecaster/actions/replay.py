"""Say which events other rules, or another rate, would have made of the scores that are stored; no training."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome, Settings, instant
from forecaster.errors import ConfigError, DataError

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from forecaster.app import App

__all__ = ["replay"]


def replay(
    pipeline: Annotated[str, "Pipeline of the project file."],
    *,
    false_alarms: Annotated[str | None, "Alarms to accept on normal data. Default: the pipeline's."] = None,
    set_: Settings = None,
    since: Annotated[str | None, "First time of events that count, e.g. 2024-03-31."] = None,
    until: Annotated[str | None, "First time of events that no longer count."] = None,
    events: Annotated[Path | None, "File to write the events to that there would have been."] = None,
    app: "App",
) -> Outcome:
    """Say which events other rules, or another rate, would have made of the scores that are stored; no training.

    Rules are `--set rules.KEY=VALUE`, the others as the pipeline has them. Counts the events of each series before, as they
    were raised, and after. Nothing that is stored changes.
    """
    import pandas as pd

    from forecaster.actions.score import rules_of
    from forecaster.scoring.detect import Detection
    from forecaster.scoring.detection_rows import events_of
    from forecaster.scoring.replay import replay as replayed
    from forecaster.scoring.rules import Rules, among
    from forecaster.series import table
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    one, (given, others) = app.settings.pipeline(pipeline), among(set_)
    if others:
        raise ConfigError(f"--set {next(iter(others))}: a replay takes rules.KEY=VALUE only.")
    span = instant(since, "--since"), instant(until, "--until")
    names = app.ledger.find_series(stream=one.name)["unique_id"].tolist()
    scores = app.lake.read("scores", series=names) if names else pd.DataFrame()
    if len(scores) == 0:
        raise DataError(f"pipeline '{one.name}' has no scores yet. Run: forecaster score {one.name}")
    rules = Rules.of(given, rules_of(app, one))
    how = Detection(detector=one.detector, false_alarms=false_alarms or one.false_alarms, rules=rules)
    after = _within(events_of(replayed(check(scores[["unique_id", "ds", "y"]], Roles()), scores, how)), *span)
    raised = (
        scores.dropna(subset="event_id").groupby("event_id").agg(unique_id=("unique_id", "first"), start=("ds", "min"))
    )
    before = _within(raised, *span)
    counts = [frame["unique_id"].value_counts().reindex(names, fill_value=0) for frame in (before, after)]
    lines = [f"{len(before)} events before, {len(after)} after, at a rate of {how.false_alarms}"]
    old = int(scores["opening_p"].isna().sum())
    if old:
        lines.append(
            f"{old} of {len(scores)} rows were stored by an earlier version, without what a replay needs: no events there"
        )
    if events is not None:
        table.write(after, events)
        lines.append(f"wrote {events}")
    shown = pd.DataFrame({"unique_id": names, "before": counts[0].to_numpy(), "after": counts[1].to_numpy()})
    return Outcome(lines, shown, facts={"before": len(before), "after": len(after), "rows": len(scores)})


def _within(events: "pd.DataFrame", since: "datetime | None", until: "datetime | None") -> "pd.DataFrame":
    """Events that start in a span of time."""
    wanted = events["start"].notna()
    if since is not None:
        wanted &= events["start"] >= since
    if until is not None:
        wanted &= events["start"] < until
    return events[wanted]
