"""Forecast a file's test part from every cutoff, and compare with seasonal naive."""

from typing import TYPE_CHECKING

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.evaluation.scoreboard import Scoreboard
    from forecaster.evaluation.significance import Ratio
    from forecaster.series.grid import Grid
    from forecaster.training.walk import Forecasts

__all__ = ["backtest"]


def backtest(
    file: base.File,
    *,
    horizon: base.Horizon,
    out: base.Out,
    train_until: base.TrainUntil = None,
    test_size: base.TestSize = None,
    stride: base.Stride = 1,
    refit_every: base.RefitEvery = None,
    refit_warm: base.RefitWarm = False,
    by_series: base.BySeries = None,
    by_horizon: base.ByHorizon = None,
    model: base.Model = "auto",
    ensemble: base.Ensemble = 1,
    columns: base.Columns = None,
    decimal: base.Decimal = ".",
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
    holidays: base.Holidays = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    watch: Watch = SILENT,
) -> Outcome:
    """Forecast a file's test part from every cutoff, and compare with seasonal naive.

    Trains on the rows before the test part, then forecasts from the last training row and every later row in one
    pass. Without --train-until or --test-size, the last fifth is the test part. In the table, `owa` is the mean of
    sMAPE and MASE relative to seasonal naive; a line says how certain the comparison is.
    With --refit-every K the model is trained again after every K steps of the test part, on all rows known by then,
    from scratch or, with --refit-warm, from the weights before. Every forecast comes from the latest model that has
    seen no row after its cutoff.
    """
    from forecaster.evaluation.compare import compare
    from forecaster.evaluation.scores_table import by_model, plain_scores, scores_table, void_lines
    from forecaster.scoring.option_checks import levels_of
    from forecaster.scoring.tables import forecast_rows
    from forecaster.series.roles import Roles

    levels = levels_of(quantiles)
    _, checked = base.read(
        file, Roles.of(targets, past, future, static), columns=columns, decimal=decimal, freq=freq, tz=tz, strict=strict
    )
    with base.outputs(file, out, by_series, by_horizon) as (finish, (append, append_series, append_steps)):

        def keep(grid: "Grid", part: "Forecasts") -> None:
            """Write the rows that can have an actual value, as they are made."""
            append(forecast_rows(grid, part, levels=levels, until=grid.lengths - 1))

        judged, boards = compare(
            checked,
            model=model,
            horizon=horizon,
            train_until=train_until,
            test_size=test_size,
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
            keep=keep,
            watch=watch,
        )
        append_series(by_model({name: board.by_series() for name, board in boards.items()}))
        append_steps(by_model({name: board.by_horizon() for name, board in boards.items()}))
        scores, ratios = scores_table(boards), _ratios(boards, model)
        facts = {
            "scores": plain_scores(scores),
            "beside_seasonal_naive": {one.metric: one.to_json() for one in ratios},
            "plans": [member.plan.to_json() for member in judged.members],
        }
        lines = [*judged.lines, *(one.line("seasonal naive") for one in ratios), *void_lines(boards)]
        return finish(checked.quality, lines, table=scores, **facts)


def _ratios(boards: "dict[str, Scoreboard]", model: str) -> "list[Ratio]":
    """A model's errors relative to seasonal naive; empty for seasonal naive itself."""
    from forecaster.evaluation.reference import NAIVE
    from forecaster.evaluation.significance import COMPARED, ratio

    if model == NAIVE:
        return []
    return [ratio(boards[model], boards[NAIVE], metric) for metric in COMPARED]
