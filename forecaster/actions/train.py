"""Train a pipeline's model, judge it, and register it as a challenger."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._covariates import roles_of
from forecaster.actions._each import each, failures
from forecaster.actions._observed import examples
from forecaster.actions._training_run import Trained, show
from forecaster.actions.base import Outcome, instant
from forecaster.evaluation.reference import NAIVE
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHALLENGER, Version

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.series.frame import Checked
    from forecaster.settings import Pipeline
    from forecaster.store.ledger import Run

__all__ = ["train"]


def train(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    as_of: Annotated[str | None, "Use only what was known at this time. Default: now."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Train a pipeline's model, compare it with seasonal naive, and register it as a challenger.

    There are two trainings: a rehearsal without the last fifth, which is then tested on that fifth, and the model
    itself on all rows. Anomalies that people confirmed, and rows before a new normal, are left out. Both are stored in
    the registry, with the data's version. A pipeline that fails does not stop the others.
    """
    import pandas as pd

    when = app.as_of(instant(as_of, "--as-of") or datetime.now(UTC))
    rows = each(app.settings.forecasting(pipeline), lambda one: _challenger(app, one, when, watch))
    lines = [f"{row['pipeline']}: version {row['version']} is the challenger" for row in rows if "version" in row]
    failed = failures(rows)
    table = pd.DataFrame(rows).drop(columns="error", errors="ignore")
    return Outcome([*lines, *failed], table, skipped=len(failed), facts={"trained": rows})


def _challenger(app: "App", one: "Pipeline", when: datetime, watch: Watch) -> dict[str, Any]:
    """The version that was registered, with its scores."""
    with app.ledger.lease(f"train:{one.name}"), app.ledger.run("train", one.name) as run:
        version, scores = _train_one(app, one, when, run, watch)
    return {"version": version.version, **scores}


def _train_one(app: "App", one: "Pipeline", when: datetime, run: "Run", watch: Watch) -> tuple[Version, dict[str, Any]]:
    app.registry.resolve(one.name, CHALLENGER)  # report a registry that cannot be reached before the work
    frame, checked, left_out = examples(app, one, when, roles_of(one))
    for line in checked.quality.lines("note"):
        watch.say(f"{one.name}: {line}")
    if left_out:
        watch.say(f"{one.name}: left out {', '.join(f'{rows} {name}' for name, rows in left_out.items())}")
    trained = _trained(one, checked, len(frame), when, watch)
    tags = _tags(app, one, when, trained)
    with app.tracker.run(one.name, f"train {trained.model}", {"run_id": run.run_id, **tags}) as tracked:
        show(tracked, one, frame, checked, trained)
        version = _registered(app, one, trained, tags, tracked.run_id)
    app.registry.point(one.name, CHALLENGER, version.version)
    own, naive = (trained.boards[name].values() for name in (trained.model, NAIVE))
    scores = {"mase": own["mase"], "naive_mase": naive["mase"], "coverage80": own["coverage80"]}
    run.facts = {**scores, **left_out, "rows": len(frame), "plan": trained.final.artefacts[0].plan.to_json()}
    run.note(
        model=trained.model,
        model_version=version.version,
        tracking_id=tracked.run_id,
        as_of=when,
        lake_version=app.lake.version("observations"),
    )
    return version, scores


def _trained(one: "Pipeline", checked: "Checked", rows: int, when: datetime, watch: Watch) -> Trained:
    """The rehearsal, its judgement, and the model itself."""
    from forecaster.evaluation.rehearsal import rehearse
    from forecaster.scoring.forecaster import train as fit

    settings = {"training.max_seconds": one.max_seconds, **one.settings}
    chosen: dict[str, Any] = {"horizon": one.horizon, "season": one.season}
    watch.say(f"{one.name}: rehearsal on all but the last fifth")
    rehearsal = rehearse(checked, model=one.model, as_of=when, settings=settings, watch=watch, **chosen)
    naive = rehearse(checked, model=NAIVE, as_of=when, **chosen)
    watch.say(f"{one.name}: training on all {rows} rows")
    final = fit(checked, model=one.model, settings=settings, watch=watch, **chosen)
    # What auto took, or an ensemble is made of; a tag's name takes no comma.
    model = "-".join(dict.fromkeys(member.plan.model for member in final.members))
    return Trained(model, final, rehearsal, {model: rehearsal.judge(checked), NAIVE: naive.judge(checked)})


def _tags(app: "App", one: "Pipeline", when: datetime, trained: Trained) -> dict[str, str]:
    """Tags by which a version and its run are found."""
    return {
        "pipeline": one.name,
        "model": trained.model,
        "plan": trained.final.artefacts[0].plan.digest,
        "lake_version": str(app.lake.version("observations")),
        "as_of": when.isoformat(),
        **{
            f"{name}_{metric}": f"{value:.6g}"
            for name, board in trained.boards.items()
            for metric, value in board.values().items()
        },
    }


def _registered(app: "App", one: "Pipeline", trained: Trained, tags: dict[str, str], tracking_id: str) -> Version:
    """Register a version of the model, with the evidence for its promotion."""
    import pandas as pd

    with tempfile.TemporaryDirectory() as folder:
        contents = Path(folder) / "contents"
        trained.final.save(contents / "model")
        trained.rehearsal.save(contents / "rehearsal")
        by_series = pd.concat([board.by_series().assign(model=name) for name, board in trained.boards.items()])
        by_series.to_csv(contents / "scores.csv", index=False)
        return app.registry.register(one.name, contents, tags=tags, tracking_id=tracking_id)
