"""Train a pipeline's model, judge it, and register it as a challenger."""

import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._feedback import taught, verdicts
from forecaster.actions.base import Outcome, instant
from forecaster.errors import DataError, MissingPackage
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHALLENGER, Version

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.evaluation.rehearsal import Rehearsal
    from forecaster.evaluation.scoreboard import Scoreboard
    from forecaster.scoring.forecaster import Forecaster
    from forecaster.series.frame import Checked
    from forecaster.settings import Pipeline
    from forecaster.store.ledger import Run
    from forecaster.tracking.base import TrackedRun

__all__ = ["train"]

log = logging.getLogger(__name__)


def train(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    as_of: Annotated[str | None, "Use only what was known at this time. Default: now."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Train a pipeline's model, judge it beside seasonal naive, and register it as a challenger.

    Two trainings: a rehearsal on all but the last fifth, which that fifth then judges, and the model itself on
    everything; but for anomalies that people confirmed, and what came before a new normal. Both are kept, with the data's version, in the registry.
    """
    import pandas as pd

    when = app.as_of(instant(as_of, "--as-of") or datetime.now(UTC))
    rows, lines = [], []
    for one in app.settings.chosen(pipeline):
        with app.ledger.lease(f"train:{one.name}"), app.ledger.run("train", one.name) as run:
            version, scores = _train_one(app, one, when, run, watch)
        rows.append({"pipeline": one.name, "version": version.version, **scores})
        lines.append(f"{one.name}: version {version.version} is the challenger")
    return Outcome(lines, pd.DataFrame(rows), facts={"trained": rows})


def _train_one(app: "App", one: "Pipeline", when: datetime, run: "Run", watch: Watch) -> tuple[Version, dict[str, Any]]:
    import pandas as pd

    from forecaster.evaluation.rehearsal import rehearse
    from forecaster.scoring.forecaster import train as fit

    frame, checked, left_out = _taught(app, one, when)
    if left_out:
        watch.say(f"{one.name}: left out {', '.join(f'{rows} {name}' for name, rows in left_out.items())}")
    settings = {"training.max_seconds": one.max_seconds, **one.settings}
    chosen: dict[str, Any] = {"horizon": one.horizon, "season": one.season}
    watch.say(f"{one.name}: rehearsal on all but the last fifth")
    rehearsal = rehearse(checked, model=one.model, as_of=when, settings=settings, watch=watch, **chosen)
    naive = rehearse(checked, model="seasonal_naive", as_of=when, **chosen)
    watch.say(f"{one.name}: training on all {len(frame)} rows")
    final = fit(checked, model=one.model, settings=settings, watch=watch, **chosen)
    # What auto took, or an ensemble is made of; a tag's name takes no comma.
    model = "-".join(dict.fromkeys(member.plan.model for member in final.members))
    boards = {model: rehearsal.judge(checked), "seasonal_naive": naive.judge(checked)}
    tags = {
        "pipeline": one.name,
        "model": model,
        "plan": final.artefacts[0].plan.digest,
        "lake_version": str(app.lake.version("observations")),
        "as_of": when.isoformat(),
        **{
            f"{name}_{metric}": f"{value:.6g}"
            for name, board in boards.items()
            for metric, value in board.values().items()
        },
    }
    with app.tracker.run(one.name, f"train {model}", {"run_id": run.run_id, **tags}) as tracked:
        _log(tracked, one, frame, checked, final, rehearsal, boards)
        with tempfile.TemporaryDirectory() as folder:
            final.save(Path(folder) / "contents" / "model")
            rehearsal.save(Path(folder) / "contents" / "rehearsal")
            by_series = pd.concat([board.by_series().assign(model=name) for name, board in boards.items()])
            by_series.to_csv(Path(folder) / "contents" / "scores.csv", index=False)
            version = app.registry.register(one.name, Path(folder) / "contents", tags=tags, tracking_id=tracked.run_id)
    app.registry.point(one.name, CHALLENGER, version.version)
    scores = {"mase": boards[model].values()["mase"], "naive_mase": boards["seasonal_naive"].values()["mase"]}
    scores["coverage80"] = boards[model].values()["coverage80"]
    run.facts = {**scores, **left_out, "rows": len(frame), "plan": final.artefacts[0].plan.to_json()}
    run.note(
        model=model,
        model_version=version.version,
        tracking_id=tracked.run_id,
        as_of=when,
        lake_version=app.lake.version("observations"),
    )
    return version, scores


def observed(app: "App", one: "Pipeline", when: datetime) -> "tuple[pd.DataFrame, Checked]":
    """A pipeline's observations as they were known at a time, and their grids.

    Raises: DataError where there is none
    """
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    names = app.ledger.find_series(stream=one.name)["unique_id"].tolist()
    frame = app.lake.read("observations", series=names, as_of=when) if names else None
    if frame is None or len(frame) == 0:
        raise DataError(f"pipeline '{one.name}' has no observation yet. Run: forecaster ingest {one.name}")
    return frame, check(frame[["unique_id", "ds", "y"]], Roles(), freq=_sessions(app, one))


def _sessions(app: "App", one: "Pipeline") -> str | None:
    """The step of daily series that all keep one trading calendar; None where the times say the step themselves."""
    from forecaster.series.sessions import sessions

    series = app.ledger.find_series(stream=one.name)
    calendars = set(series["calendar"].fillna(""))
    if set(series["step"]) != {"B"} or len(calendars) > 1 or calendars <= {"", "24/7"}:
        return None
    try:
        return f"B-{sessions(calendars.pop()).name}"
    except MissingPackage as error:
        log.warning("pipeline '%s' takes Monday to Friday for its sessions: %s", one.name, error)
        return None


def _taught(app: "App", one: "Pipeline", when: datetime) -> "tuple[pd.DataFrame, Checked, dict[str, int]]":
    """The same without what people said is no example of the series, and how many rows that is."""
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    frame, checked = observed(app, one, when)
    said = verdicts(app, frame["unique_id"].unique().tolist(), when)
    frame, left_out = taught(frame, said, one.horizon)
    again = check(frame[["unique_id", "ds", "y"]], Roles(), freq=_sessions(app, one)) if left_out else checked
    return frame, again, left_out


def _log(
    tracked: "TrackedRun",
    one: "Pipeline",
    frame: "pd.DataFrame",
    checked: "Checked",
    final: "Forecaster",
    rehearsal: "Rehearsal",
    boards: "dict[str, Scoreboard]",
) -> None:
    """Everything that the run's page should show."""
    from forecaster.evaluation.scores_table import scores_table
    from forecaster.reporting import figures

    plan = final.artefacts[0].plan
    tracked.parameters(plan.to_json())
    for name, artefact in (("rehearsal", rehearsal.forecaster.artefacts[0]), ("final", final.artefacts[0])):
        for moment in artefact.facts.moments:
            values = {"loss": moment.loss, "grad_norm": moment.grad_norm, "lr": moment.lr}
            values |= {} if moment.val_loss is None else {"val_loss": moment.val_loss}
            tracked.metrics({f"{name}/{key}": value for key, value in values.items()}, step=moment.step)
        if artefact.facts.moments:
            tracked.figure(f"{name}-loss", figures.loss_curve(artefact.facts.moments))
    for model, board in boards.items():
        tracked.metrics({f"backtest/{model}/{metric}": value for metric, value in board.values().items()})
    table = scores_table(boards)
    tracked.table("scores", table.reset_index(names="model"))
    by_horizon = {name: board.by_horizon() for name, board in boards.items()}
    for metric in ("mase", "coverage80"):
        tracked.figure(f"{metric}-by-horizon", figures.metric_by_horizon(by_horizon, metric))
    tracked.dataset(one.name, frame[["unique_id", "ds", "y"]], {"series": frame["unique_id"].nunique()})
    forecast = final.predict(checked)
    first = str(frame["unique_id"].iloc[0])
    history = frame[frame["unique_id"] == first].tail(8 * one.horizon)
    tracked.figure("forecast", figures.fan(history, forecast[forecast["unique_id"] == first], title=first))
    tracked.note(_page(one, table, plan.lines()))


def _page(one: "Pipeline", table: "pd.DataFrame", lines: list[str]) -> str:
    """The run in Markdown."""
    head = "| model | " + " | ".join(table.columns) + " |\n|" + "---|" * (len(table.columns) + 1)
    body = "\n".join(
        f"| {name} | " + " | ".join(f"{v:.4g}" for v in row) + " |"
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    )
    return f"# {one.name}\n\n" + "\n".join(f"- {line}" for line in lines) + f"\n\n## Backtest\n\n{head}\n{body}\n"
