"""Compare several models on a file's test part, the best first."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.evaluation.leaderboard import Leaderboard

__all__ = ["leaderboard"]


def leaderboard(
    file: base.File,
    *,
    horizon: base.Horizon,
    out: Annotated[
        Path, "File to write the table to: .parquet, .csv or .jsonl. What was repaired goes to OUT.report.json."
    ],
    models: Annotated[
        list[str] | None,
        "Models with commas between, lstm+gru is an ensemble. Default: lstm,gru,esrnn,linear,best_naive.",
    ] = None,
    by: Annotated[str, "Metric to order by."] = "mase",
    train_until: base.TrainUntil = None,
    test_size: base.TestSize = None,
    stride: base.Stride = 1,
    refit_every: base.RefitEvery = None,
    refit_warm: base.RefitWarm = False,
    by_series: base.BySeries = None,
    by_horizon: base.ByHorizon = None,
    ensemble: base.Ensemble = 1,
    columns: base.Columns = None,
    decimal: base.Decimal = ".",
    freq: base.Freq = None,
    season: base.Season = None,
    size: base.Size = None,
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
        Path | None, "Project file whose tracker gets the runs. Default: forecaster.toml, if any."
    ] = None,
    data_set: Annotated[str | None, "Name that the runs are kept under. Default: the file's."] = None,
    watch: Watch = SILENT,
) -> Outcome:
    """Compare several models on a file's test part, the best first.

    Each is trained on the rows before the test part and forecasts from the same cutoffs, as does seasonal naive. The
    table has every metric, the chosen one relative to seasonal naive's with a 95 % interval, whether a model differs
    significantly from the best, processor seconds and the number of weights. A model that fails is reported and does
    not stop the others.
    In a project each model becomes a run of the tracker, in the experiment `leaderboard/DATA_SET`.
    """
    from forecaster.actions._leaderboard_runs import keep_runs
    from forecaster.actions._tracker import tracker_of
    from forecaster.evaluation.compare import train_test_split
    from forecaster.evaluation.leaderboard import rank, require_ratio
    from forecaster.evaluation.reference import NAIVE
    from forecaster.evaluation.scores_table import by_model, void_lines
    from forecaster.series.roles import Roles

    require_ratio(by)
    tracker = tracker_of(project)
    frame, checked = base.read(
        file, Roles.of(targets, past, future, static), columns=columns, decimal=decimal, freq=freq, tz=tz, strict=strict
    )
    with base.outputs(file, out, by_series, by_horizon) as (finish, (append, append_series, append_steps)):
        found = rank(
            train_test_split(checked, horizon=horizon, train_until=train_until, test_size=test_size),
            models,
            by=by,
            horizon=horizon,
            stride=stride,
            season=season or (),
            settings=base.training_settings(
                set_,
                size=size,
                seed=seed,
                steps=steps,
                max_seconds=max_seconds,
                ensemble=ensemble,
                holidays=holidays,
            ),
            refit_every=refit_every,
            refit_warm=refit_warm,
            watch=watch,
        )
        for name, why in found.failed.items():
            checked.quality.add("skip", f"model {name}: {why}")
        table = found.table()
        append(_written(table, found))
        append_series(by_model({name: one.board.by_series() for name, one in found.judged.items()}))
        append_steps(by_model({name: one.board.by_horizon() for name, one in found.judged.items()}))
        boards = {name: one.board for name, one in found.judged.items()}
        lines = [f"{name}: {line}" for name, one in found.judged.items() for line in one.lines]
        lead = found.beside(NAIVE)[found.best].line("seasonal naive")
        lines.append(f"{found.best}: {lead}" if found.best != NAIVE else "no model is better than seasonal naive")
        lines += void_lines(boards)
        if tracker is not None:
            name = data_set or file.name.split(".")[0]
            lines.append(keep_runs(tracker, name, found, frame[checked.roles.columns], horizon=horizon))
        return finish(checked.quality, lines, table=_shown(table), **_facts(table, found))


def _written(table: "pd.DataFrame", found: "Leaderboard") -> "pd.DataFrame":
    """The table for a file: models that failed are at the end, with the reason."""
    import pandas as pd

    failed = pd.DataFrame({"model": list(found.failed), "failed": list(found.failed.values())}, dtype=object)
    whole = table.reset_index(names="model").assign(failed="")
    return whole if failed.empty else pd.concat([whole, failed.reindex(columns=whole.columns)], ignore_index=True)


def _shown(table: "pd.DataFrame") -> "pd.DataFrame":
    """The table for the screen, with the interval next to its ratio."""
    low, high = (table[f"of_naive_{end}"] for end in ("low", "high"))
    ends = [f" ({a:.2f}-{b:.2f})" if a <= b else "" for a, b in zip(low, high, strict=True)]
    told = [
        f"{ratio:.2f}{end}" if ratio == ratio else "n/a" for ratio, end in zip(table["of_naive"], ends, strict=True)
    ]
    return table.assign(of_naive=told).drop(columns=["of_naive_low", "of_naive_high"])


def _facts(table: "pd.DataFrame", found: "Leaderboard") -> dict[str, Any]:
    from forecaster.evaluation.scores_table import plain_scores

    return {
        "by": found.by,
        "scores": plain_scores(table),
        "failed": dict(found.failed),
        "plans": {name: [one.plan.to_json() for one in judged.members] for name, judged in found.judged.items()},
    }
