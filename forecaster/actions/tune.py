"""Search for the settings with which a model forecasts a file best."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.evaluation.tuning import Tuning
    from forecaster.tracking.base import Tracker

__all__ = ["tune"]


def tune(
    file: base.File,
    *,
    horizon: base.Horizon,
    out: Annotated[
        Path, "File to write the trials to: .parquet, .csv or .jsonl. What was repaired goes to OUT.report.json."
    ],
    model: Annotated[str, "Model, a file in models/."] = "lstm",
    search: Annotated[
        list[str] | None,
        "Setting to search, KEY=A,B,C or KEY=LOW..HIGH; repeat it for several. Default: size, dropout, lr and weight_decay.",
        base.WHOLE,
    ] = None,
    trials: Annotated[int, "Trainings on the rows before the validation part; the first has the defaults."] = 20,
    minutes: Annotated[float, "Limit on the search; 0 for none."] = 0.0,
    by: Annotated[str, "Metric to be made small."] = "mase",
    train_until: base.TrainUntil = None,
    test_size: base.TestSize = None,
    stride: base.Stride = 1,
    columns: base.Columns = None,
    decimal: base.Decimal = ".",
    freq: base.Freq = None,
    season: base.Season = None,
    set_: base.Settings = None,
    seed: base.Seed = 1,
    steps: base.Steps = 0,
    max_seconds: base.MaxSeconds = 180.0,
    targets: base.Targets = None,
    past: base.Past = None,
    future: base.Future = None,
    static: base.Static = None,
    holidays: base.Holidays = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    project: Annotated[
        Path | None, "Project file whose tracker gets the trials. Default: forecaster.toml, if any."
    ] = None,
    data_set: Annotated[str | None, "Name that the trials are kept under. Default: the file's."] = None,
    watch: Watch = SILENT,
) -> Outcome:
    """Search for the settings with which a model forecasts a file best, by Optuna's sampler.

    Trials are judged on the last part of the rows before the test part. The best settings and the defaults are then trained
    on all rows before the test part and compared on it, which the search has not seen: so you see what tuning is worth, with a
    95 % interval. In a project each trial becomes a run of the tracker, in the experiment `tune/DATA_SET`.
    """
    from forecaster.actions._tracker import tracker_of
    from forecaster.evaluation.compare import train_test_split
    from forecaster.evaluation.leaderboard import require_ratio
    from forecaster.evaluation.search_space import space_of
    from forecaster.evaluation.tuning import tune as tune_all
    from forecaster.series.roles import Roles

    require_ratio(by)
    space = space_of(model, search)
    tracker = tracker_of(project)
    _, checked = base.read(
        file, Roles.of(targets, past, future, static), columns=columns, decimal=decimal, freq=freq, tz=tz, strict=strict
    )
    named: dict[str, Any] = {"size": None, "ensemble": 1, "holidays": holidays}
    with base.outputs(file, out) as (finish, (append,)):
        found = tune_all(
            train_test_split(checked, horizon=horizon, train_until=train_until, test_size=test_size),
            model=model,
            horizon=horizon,
            space=space,
            trials=trials,
            minutes=minutes,
            by=by,
            seed=seed,
            stride=stride,
            season=season or (),
            settings=base.training_settings(set_, seed=seed, steps=steps, max_seconds=max_seconds, **named),
            watch=watch,
        )
        table = found.table()
        append(table)
        lines = _lines(found)
        if tracker is not None:
            lines.append(_keep_runs(tracker, data_set or file.name.split(".")[0], model, found))
        return finish(checked.quality, lines, table=table, best=dict(found.best.settings), gain=found.gain.to_json())


def _lines(found: "Tuning") -> list[str]:
    best = found.best
    if not best.settings:
        return ["no trial was better than the defaults"]
    words = " ".join(f"--set {key}={value}" for key, value in best.settings.items())
    return [f"best: {words}", f"on the test part: {found.gain.line('the default')}"]


def _keep_runs(tracker: "Tracker", data_set: str, model: str, found: "Tuning") -> str:
    """Log every trial; returns a message that says where."""
    experiment = f"tune/{data_set}"
    for number, one in enumerate(found.tried, start=1):
        tags = {"data_set": data_set, "model": model, "failed": one.failed[:500]}
        with tracker.run(experiment, f"{model} {number}", {key: value for key, value in tags.items() if value}) as run:
            run.parameters(dict(one.settings))
            run.metrics({found.by: one.error, "training_s": one.training_s})
    return f"{len(found.tried)} runs in experiment {experiment}; {tracker.show()} shows them"
