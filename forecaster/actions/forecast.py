"""Forecast every series of a file after its last row."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from forecaster.series.roles import Roles
    from forecaster.training.artefact import Artefact

__all__ = ["forecast"]


def forecast(
    file: base.File,
    *,
    horizon: base.Horizon,
    out: base.Out,
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
    future_file: Annotated[Path | None, "Table with the future values of the --future columns."] = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    save: Annotated[Path | None, "Folder to write the trained model to."] = None,
    load: Annotated[Path | None, "Folder of a saved model to use; no training."] = None,
    warmup: Annotated[
        int | None, "Rows of each series that pass through the network. Default: all, which is exact."
    ] = None,
    paths: Annotated[int | None, "Joint sample paths of each series, written to OUT.paths.parquet."] = None,
    warm_start: Annotated[Path | None, "Folder of a saved model whose weights training begins with."] = None,
    resume: Annotated[
        Path | None, "Folder to keep the training in; a run that was killed continues from there."
    ] = None,
    watch: Watch = SILENT,
) -> Outcome:
    """Forecast every series of a file after its last row.

    Trains one model on all series of the file (or loads one), then writes `unique_id, ds, cutoff, mean` and
    13 quantiles for each series and step.
    """
    from forecaster.scoring.forecaster import Forecaster, train
    from forecaster.scoring.option_checks import levels_of, require_positive
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    levels = levels_of(quantiles)
    _require_one_start(save, load, warm_start)
    base.require_folder(save, "--save")
    require_positive(warmup=warmup, paths=paths)
    columns_asked = {"targets": targets, "past": past, "future": future, "static": static}
    trained = None
    if load is not None:
        trained = Forecaster.load(load)
        _require_as_trained(trained.roles, **columns_asked)
        _require_unasked(season=season, size=size, set=set_, holidays=holidays, resume=resume)
    roles = Roles.of(**columns_asked) if trained is None else trained.roles
    frame = _read(file, future_file, roles, columns=columns or (), decimal=decimal, tz=tz)
    step = None if trained is None else trained.only_step
    checked = check(frame, roles, freq=freq, zone=tz, strict=strict, trained_step=step)
    if trained is not None:
        trained.note_short_past(checked)
    drawn = out.with_name(out.name + ".paths.parquet") if paths is not None else None
    with base.outputs(file, out, drawn) as (finish, (append, append_paths)):
        said: list[str] = []
        if trained is None:
            effort: dict[str, Any] = {"size": size, "steps": steps, "max_seconds": max_seconds, "ensemble": ensemble}
            settings = base.training_settings(set_, seed=seed, holidays=holidays, **effort)
            warm = Forecaster.load(warm_start) if warm_start is not None else None
            how: dict[str, Any] = {"model": model, "horizon": horizon, "season": season or (), "settings": settings}
            trained = train(checked, **how, warm=warm, resume=resume, watch=watch)
            said += [line for member in trained.members for line in member.facts.lines()]
        forecasts = trained.forecasts(checked, horizon=horizon, warmup=warmup)
        rows = trained.rows(forecasts, horizon=horizon, levels=levels)
        append(rows)
        for part in trained.sample(forecasts, paths, seed=seed, horizon=horizon) if paths is not None else ():
            append_paths(part)
        if save is not None:
            trained.save(save)
            said.append(f"saved the model to {save}")
        plans = [member.plan.to_json() for member in trained.members]
        return finish(checked.quality, [*said, *_tail_lines(trained.members, warmup)], rows=len(rows), plans=plans)


def _read(
    file: Path, future_file: Path | None, roles: "Roles", *, columns: "Sequence[str]", decimal: str, tz: str | None
) -> "pd.DataFrame":
    """The table in a file, with the future values that a second file has."""
    from forecaster.columns import DS, UNIQUE_ID
    from forecaster.series import table
    from forecaster.series.ahead import with_future
    from forecaster.series.door import long

    frame = table.read(file, columns, decimal)
    if future_file is not None:
        known = [pair for pair in columns if pair.partition("=")[0] in (UNIQUE_ID, DS, *roles.future)]
        frame = with_future(frame, table.read(future_file, known, decimal), roles, future_file, tz)
    return long(frame, roles)


def _tail_lines(members: "Sequence[Artefact]", warmup: int | None) -> list[str]:
    """The error of reading only the last rows; methods fitted to each series read all of them."""
    passed = [member for member in members if member.network.model.memory != "whole"]
    return [] if warmup is None else [member.facts.tail_line(warmup) for member in passed]


def _require_one_start(save: Path | None, load: Path | None, warm_start: Path | None) -> None:
    if load is not None and save is not None:
        raise ConfigError("--save and --load exclude each other: a loaded model is saved already.")
    if load is not None and warm_start is not None:
        raise ConfigError("--load and --warm-start exclude each other: a loaded model is not trained.")


def _require_as_trained(roles: "Roles", **asked: list[str] | None) -> None:
    """Check that columns are given as in the training of a loaded model. Raises: ConfigError"""
    for name, given in asked.items():
        own = getattr(roles, name)
        if given is not None and tuple(given) != own:
            trained = f"with --{name} {','.join(own)}" if own else f"without --{name}"
            raise ConfigError(
                f"--{name} {','.join(given)}: the model of --load was trained {trained}. "
                "Leave it out, or train anew without --load."
            )


def _require_unasked(**asked: object) -> None:
    """Check that no setting of a training is given if there is none. Raises: ConfigError"""
    for name, given in asked.items():
        if given:
            raise ConfigError(f"--{name} and --load exclude each other: a loaded model is not trained.")
