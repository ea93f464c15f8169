"""Forecast a file's test part from every cutoff, and judge it beside seasonal naive."""

from typing import TYPE_CHECKING, Annotated

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.series.grid import Grid
    from forecaster.training.walk import Forecasts

__all__ = ["backtest"]


def backtest(
    file: base.File,
    *,
    horizon: base.Horizon,
    out: base.Out,
    train_until: base.TrainUntil = None,
    test_size: Annotated[int | None, "Last rows of each series that are its test part."] = None,
    stride: Annotated[int, "Steps from one cutoff to the next."] = 1,
    model: base.Model = "lstm",
    freq: base.Freq = None,
    season: base.Season = None,
    quantiles: base.Quantiles = None,
    size: base.Size = None,
    set_: base.Settings = None,
    seed: base.Seed = 1,
    steps: base.Steps = 0,
    max_seconds: base.MaxSeconds = 180.0,
    targets: base.Targets = None,
    past: base.Past = None,
    future: base.Future = None,
    static: base.Static = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    watch: Watch = SILENT,
) -> Outcome:
    """Forecast a file's test part from every cutoff, and judge it beside seasonal naive.

    Trains on what comes before the test part, then forecasts from its last training row and every later row
    in one pass. Without --train-until or --test-size the last fifth is the test part.
    """
    from forecaster.evaluation.backtest import compare
    from forecaster.evaluation.rehearsal import scores_table
    from forecaster.scoring.tables import forecast_rows
    from forecaster.series import table
    from forecaster.series.roles import Roles

    levels = base.levels_of(quantiles)
    _, checked = base.read(file, Roles.of(targets, past, future, static), freq=freq, tz=tz, strict=strict)
    with table.writer(out) as append:

        def keep(grid: "Grid", part: "Forecasts") -> None:
            """Rows with a possible truth, written as they are made."""
            append(forecast_rows(grid, part, levels=levels, until=grid.lengths - 1))

        trained, boards = compare(
            checked,
            model=model,
            horizon=horizon,
            train_until=train_until,
            test_size=test_size,
            stride=stride,
            season=season or (),
            settings=base.training_settings(set_, size=size, seed=seed, steps=steps, max_seconds=max_seconds),
            keep=keep,
            watch=watch,
        )
    scores = scores_table(boards)
    lines = [line for artefact in trained.artefacts for line in artefact.facts.lines()]
    plans = [artefact.plan.to_json() for artefact in trained.artefacts]
    return base.finish(out, checked.quality, lines, table=scores, scores=scores.to_dict("index"), plans=plans)
