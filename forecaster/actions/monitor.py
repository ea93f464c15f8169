"""Look how stored forecasts did once their times had come and whether alarms kept their rate, and say what has become worse."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._each import each, failures
from forecaster.actions._telling import tell_worse
from forecaster.actions.base import Outcome, instant
from forecaster.progress import SILENT, Watch
from forecaster.query_tables import QUERY_TABLES
from forecaster.registry.base import CHAMPION

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.evaluation.alarm_rate import AlarmRate
    from forecaster.evaluation.matured import Matured
    from forecaster.settings import Pipeline

__all__ = ["monitor"]

_WRONG = {"worse": "is", "too_many": "raises"}
"""What can be wrong with a version, and the word before the verdict."""
_OF_ALARMS = ("false_per_1000", "asked_per_1000", "events", "true_events", "false_events", "rows")
_RUNS = 20
"""Runs among which the last one that came to its end is looked for."""


def monitor(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    since: Annotated[
        str | None,
        "Judge forecasts from cutoffs, and alarms in rows, from this time on. Default: the last 32 horizons; for alarms "
        "more, until 20 false ones are allowed.",
    ] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Judge the stored forecasts whose times have come, beside seasonal naive, and whether alarms keep their rate.

    Each version is judged by itself. It has become worse if its error is surely larger than seasonal naive's on the same
    cutoffs, or a fifth above what it promised when it was trained, or if its 80 % intervals surely cover less than 70 %
    or more than 90 %. It raises too many events if their number is surely more than half above that asked for; events
    that people called true do not count. People are told of a champion that has become worse, or raises too many, by the
    pipeline's alerts, once; with `retrain = true`, the flow of one that has become worse trains anew. A pipeline that
    fails does not stop the others.
    """
    import pandas as pd

    begin = instant(since, "--since")
    judged = each(app.settings.forecasting(pipeline), lambda one: _monitored(app, one, begin, watch))
    failed = failures(judged)
    rows = [{"pipeline": row["pipeline"], **version} for row in judged for version in row.get("versions", [])]
    wrong = [
        f"{row['pipeline']}: version {row['version']} {_WRONG[name]} {said}"
        for row in rows
        if row["serves"]
        for name, said in _wrong(row).items()
    ]
    problems = [f"{row['pipeline']}: {row['alert_error']}" for row in judged if row.get("alert_error")]
    idle = [
        f"{row['pipeline']}: nothing to judge yet. Forecasts are judged once their times have come, alarms from the second scoring on."
        for row in judged
        if not row.get("versions") and not row.get("error")
    ]
    table = pd.DataFrame(rows).drop(columns=list(_WRONG), errors="ignore")
    first = [name for name in QUERY_TABLES["performance"].shown if name in table.columns]
    table = table[[*first, *table.columns.difference(first, sort=False)]]
    return Outcome([*wrong, *idle, *problems, *failed], table, skipped=len(failed), facts={"monitored": rows})


def _wrong(row: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a version, in words that can stand alone."""
    where = f"{row['alarm_verdict']}; most in {row['loudest']}. Look there and label the events, or train again"
    return {name: said for name, said in zip(_WRONG, (row["verdict"], where), strict=True) if row[name]}


def _monitored(app: "App", one: "Pipeline", since: datetime | None, watch: Watch) -> dict[str, Any]:
    """What was found of each version, the champion first; it is recorded as a run, and people are told."""
    from forecaster.actions._alarms_raised import alarms_raised
    from forecaster.actions._forecasts_due import forecasts_due
    from forecaster.actions._observed import observed
    from forecaster.actions._performance import performance

    with app.ledger.lease(f"monitor:{one.name}"), app.ledger.run("monitor", one.name) as run:
        watch.say(f"{one.name}: judging the forecasts whose times have come, and the alarms")
        champion = app.registry.resolve(one.name, CHAMPION)
        known = {version.version: version for version in app.registry.versions(one.name)}
        _, checked = observed(app, one, datetime.now(UTC))
        forecasts, alarms = forecasts_due(app, one, checked, since), alarms_raised(app, one, checked, since)
        rows = [
            performance(name, forecasts.get(name), alarms.get(name), known.get(name), champion)
            for name in dict.fromkeys([*forecasts, *alarms])
        ]
        rows.sort(key=lambda row: not row["serves"])
        run.facts = {"versions": rows}
        problem = ""
        for row in (row for row in rows if row["serves"]):
            _show(app, one, forecasts.get(row["version"]), alarms.get(row["version"]), row)
            run.facts["told"], problem = _told(app, one, row)
        run.note(model_version=champion.version if champion is not None else None, as_of=datetime.now(UTC))
    return {"versions": rows, "alert_error": problem}


def _told(app: "App", one: "Pipeline", row: dict[str, Any]) -> tuple[list[str], str]:
    """Tell people what is wrong with the champion, but for what they know from the last run; gives what they know now, and
    errors in telling."""
    runs = app.ledger.find_runs(pipeline=one.name, verb="monitor", limit=_RUNS)
    last = runs[(runs["status"] == "done") & (runs["model_version"] == row["version"])]["facts"].head(1)
    known = [name for facts in last for name in facts.get("told", [])]
    wrong = _wrong(row)
    news = [said for name, said in wrong.items() if name not in known]
    problems = tell_worse(app, one, row["version"], "; ".join(news)) if news else []
    return [name for name in wrong if name in known or not problems], "; ".join(problems)


def _show(
    app: "App", one: "Pipeline", forecasts: "Matured | None", alarms: "AlarmRate | None", row: dict[str, Any]
) -> None:
    """The champion's numbers in the project's tracker, of forecasts by horizon too."""
    from forecaster.evaluation.reference import NAIVE
    from forecaster.reporting import figures

    with app.tracker.run(one.name, "monitor", {"pipeline": one.name, "model_version": row["version"]}) as tracked:
        day = int(datetime.now(UTC).timestamp() // 86_400)
        if forecasts is not None:
            for name, board in (("live", forecasts.own), (NAIVE, forecasts.naive)):
                tracked.metrics({f"{name}/{metric}": value for metric, value in board.values().items()}, step=day)
            boards = {"live": forecasts.own.by_horizon(), NAIVE: forecasts.naive.by_horizon()}
            for metric in ("mase", "coverage80"):
                tracked.figure(f"{metric}-by-horizon", figures.metric_by_horizon(boards, metric))
            tracked.table("by-series", forecasts.own.by_series())
        if alarms is not None:
            tracked.metrics({f"alarms/{name}": row[name] for name in _OF_ALARMS}, step=day)
            tracked.table("alarms-by-series", alarms.by_series())
        tracked.note(f"# {one.name}: version {row['version']}\n\n{row['verdict']}\n\nAlarms: {row['alarm_verdict']}\n")
