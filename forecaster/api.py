"""Forecasts and anomalies from pandas frames.

    from forecaster import api

    model = api.fit(frame, horizon=24)                        # frame: unique_id, ds, y; one series needs no unique_id
    rows = api.predict(model, frame)                          # unique_id, ds, cutoff, mean, q0.025 ... q0.975
    weights = api.attention(model, frame)                     # of a model with attention: unique_id, ds, weight
    rows, scores = api.backtest(frame, horizon=24, test_size=168)
    rows, events = api.detect(frame, train_until="2024-03-31", save="detector")
    rows = api.stream("detector").feed(newer)                 # the same of each new row, and quantiles of the step after it
    table, by_series = api.evaluate(frame, detectors=["auto", "residual"])     # frame: unique_id, ds, y, label

A frame may as well be a series by its times, a dict of columns, or a table of pyarrow or polars. The words and defaults are
those of the command line. Errors are those of `forecaster.errors`; what was repaired in a frame is told by warnings.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.evaluation.compare import compare, train_test_split
from forecaster.evaluation.detection_trial import Trials, run
from forecaster.evaluation.detector_board import DetectorBoard
from forecaster.evaluation.leaderboard import rank
from forecaster.evaluation.scores_table import scores_table
from forecaster.progress import SILENT, Watch
from forecaster.scoring.asked import levels_of
from forecaster.scoring.attended import attended_rows
from forecaster.scoring.between_files import detect_on, keep, reopened
from forecaster.scoring.detect import detect_all
from forecaster.scoring.detection import Detection
from forecaster.scoring.detection_rows import events_of, rows_of
from forecaster.scoring.fdr import restrained
from forecaster.scoring.forecaster import Forecaster, train
from forecaster.scoring.parting import training_ends
from forecaster.scoring.rate import DEFAULT_RATE
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.tables import forecast_rows
from forecaster.series.door import Table, long
from forecaster.series.frame import Checked, check
from forecaster.series.frequency import Frequency
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles

__all__ = [
    "Forecaster",
    "attention",
    "backtest",
    "detect",
    "evaluate",
    "fit",
    "leaderboard",
    "load",
    "predict",
    "sample",
    "stream",
]

Settings = Mapping[str, Any]


def fit(
    frame: Table,
    *,
    horizon: int,
    model: str = "auto",
    ensemble: int = 1,
    season: Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    warm_start: str | Path | None = None,
    resume: str | Path | None = None,
    watch: Watch = SILENT,
) -> Forecaster:
    """One model for all series of a frame; `settings` are those of `--set`, e.g. `{"seed": 2, "size": "s"}`.

    Several models with commas, or `ensemble` seeds of one, forecast by the median; with `auto` several
    vote by how they did on held-out rows.
    `warm_start` is the folder of a saved model whose weights training begins with, `resume` a folder by which a killed
    training continues when it is asked for again.

    Raises: DataError for rows that cannot be read, ConfigError for an unknown setting, ArtifactError for weights that
        do not fit
    """
    checked = _checked(frame, Roles.of(targets, past, future, static), freq)
    made = train(
        checked,
        model=model,
        horizon=horizon,
        season=season,
        settings=_with(settings, ensemble, holidays),
        warm=load(warm_start) if warm_start is not None else None,
        resume=Path(resume) if resume is not None else None,
        watch=watch,
    )
    _warn(checked.quality)
    return made


def predict(
    model: Forecaster,
    frame: Table,
    *,
    horizon: int | None = None,
    quantiles: Sequence[float | str] = (),
    warmup: int | None = None,
) -> pd.DataFrame:
    """Forecasts of every series after its last row; the frame may hold other series than the model was trained on.

    `quantiles` are further levels, or `["none"]` for the median alone.
    `warmup` passes only so many rows of each series through the network: quicker, and `Facts.tails` of the model's members
    says how far off that is.

    Raises: ArtifactError for a horizon longer, or steps other, than the model was trained for, ConfigError for a horizon or
        warmup below 1 or a level outside (0, 1)
    """
    levels = levels_of(quantiles)
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    rows = model.predict(checked, horizon=horizon, levels=levels, warmup=warmup)
    _warn(checked.quality)
    return rows


def sample(
    model: Forecaster,
    frame: Table,
    *,
    paths: int = 100,
    seed: int = 1,
    horizon: int | None = None,
    warmup: int | None = None,
) -> pd.DataFrame:
    """Joint sample paths of every series after its last row: `unique_id, ds, cutoff, path, y`.

    At each step they are distributed as `predict`'s quantiles say; along a path steps go together as the errors of held-out
    forecasts did, so that sums and extremes over the horizon have their distribution, too.
    """
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    found = model.forecasts(checked, horizon=horizon, warmup=warmup)
    rows = pd.concat(model.sample(found, paths, seed=seed, horizon=horizon), ignore_index=True)
    _warn(checked.quality)
    return rows


def attention(model: Forecaster, frame: Table) -> pd.DataFrame:
    """How much the forecast after each series' last row attends to each past row: `unique_id, ds, weight`, a sum of 1 each.

    A recurrent model attends to states, which remember what came before their rows; a transformer to lag windows that end
    there, its layers multiplied out.

    Raises: ConfigError for a model without attention
    """
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    rows = attended_rows(model, checked)
    _warn(checked.quality)
    return rows


def backtest(
    frame: Table,
    *,
    horizon: int,
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    refit_every: int | None = None,
    refit_warm: bool = False,
    model: str = "auto",
    ensemble: int = 1,
    season: Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts from every cutoff of the test part, and a table of metrics beside seasonal naive.

    With `refit_every` the model is trained again after each so many steps of the test part, on all rows known by then:
    from the beginning, or with `refit_warm` from the weights before.
    """
    checked, parts = _checked(frame, Roles.of(targets, past, future, static), freq), []
    _, boards = compare(
        checked,
        model=model,
        horizon=horizon,
        train_until=train_until,
        test_size=test_size,
        stride=stride,
        season=season,
        settings=_with(settings, ensemble, holidays),
        refit_every=refit_every,
        refit_warm=refit_warm,
        keep=lambda grid, part: parts.append(forecast_rows(grid, part, until=grid.lengths - 1)),
        watch=watch,
    )
    _warn(checked.quality)
    return pd.concat(parts, ignore_index=True), scores_table(boards)


def leaderboard(
    frame: Table,
    *,
    horizon: int,
    models: Sequence[str] | None = None,
    by: str = "mase",
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    refit_every: int | None = None,
    refit_warm: bool = False,
    ensemble: int = 1,
    season: Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> pd.DataFrame:
    """Several models judged on the same cutoffs, the best first: a row each. One that fails is a warning."""
    checked = _checked(frame, Roles.of(targets, past, future, static), freq)
    found = rank(
        train_test_split(checked, horizon=horizon, train_until=train_until, test_size=test_size),
        models,
        by=by,
        horizon=horizon,
        stride=stride,
        season=season,
        settings=_with(settings, ensemble, holidays),
        refit_every=refit_every,
        refit_warm=refit_warm,
        watch=watch,
    )
    for name, why in found.failed.items():
        checked.quality.add("skip", f"model {name}: {why}")
    _warn(checked.quality)
    return found.table()


def detect(
    frame: Table,
    *,
    train_until: object = None,
    test_column: str | None = None,
    false_alarms: str | None = None,
    channels: Sequence[str] | None = None,
    detector: str | None = None,
    hindsight: bool = False,
    freq: str | None = None,
    settings: Settings | None = None,
    save: str | Path | None = None,
    load: str | Path | None = None,
    watch: Watch = SILENT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A score for every row, in the frame's order, and the events that the alarms make.

    `save` is a folder to keep the detector in, `load` one of a kept detector to use instead of a training; series whose first
    row comes after those it was trained on go on from there. Beside `load` only `false_alarms` and rules can be asked for.
    """
    if load is not None:
        saved = reopened(
            Path(load),
            false_alarms=false_alarms,
            settings=settings,
            train_until=train_until,
            test_column=test_column,
            detector=detector,
            save=save,
            channels=channels,
            hindsight=hindsight or None,
        )
        rows = long(frame, saved.roles)
        checked, found = detect_on(saved, Path(load), check(rows, saved.roles, freq=freq, trained_step=saved.only_step))
        _warn(checked.quality)
        return rows_of(checked, found, rows), events_of(found)
    how = Detection.of(
        settings,
        detector=detector or "auto",
        false_alarms=false_alarms or DEFAULT_RATE,
        hindsight=hindsight,
    )
    roles = Roles.of(channels)
    rows = long(frame, roles)
    checked = check(rows, roles, freq=freq)
    ends = training_ends(checked, rows, train_until=train_until, test_column=test_column)
    every = detect_all(checked, ends, how, watch)
    if save is not None:
        keep(SavedDetector.of(every, how, checked.roles), every, Path(save))
    found = restrained(every, how, checked.quality)
    _warn(checked.quality)
    return rows_of(checked, found, rows), events_of(found)


def evaluate(
    frame: Table | Mapping[str, Table],
    *,
    detectors: Sequence[str] | None = None,
    label: str = "label",
    train_until: object = None,
    test_column: str | None = None,
    false_alarms: str = DEFAULT_RATE,
    channels: Sequence[str] | None = None,
    hindsight: bool = False,
    freq: str | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare detectors and a random score on labelled series: a leaderboard, and numbers by series.

    Several frames by name count like folders: the leaderboard is a mean over them. A detector that fails is a warning.
    """
    how = Trials.of(
        detectors,
        hindsight=hindsight,
        settings=settings,
        label=label,
        train_until=train_until,
        test_column=test_column,
        false_alarms=false_alarms,
        channels=channels,
        freq=freq,
    )
    board = DetectorBoard()
    for name, one in (frame if isinstance(frame, Mapping) else {"": frame}).items():
        trial = run(one, how, watch)
        board.add(trial, folder=name)
        _warn(trial.quality)
        for detector, reason in trial.failed.items():
            warnings.warn(f"detector {detector} failed: {reason}", stacklevel=2)
    return board.table(), board.by_series()


def stream(load: str | Path, state: str | Path | None = None) -> Stream:
    """Series continued value by value: `.feed(frame)` takes new rows and gives for each what `detect` would give.

    `load` is the folder of a detector (`detect(save=...)`) or of a forecaster. Series go on from where the folder `state`
    left them (`.save(state)`), else from where the rows ended that the detector was trained on. With channels the rows have
    these as columns, and each is answered for every channel and for the whole.
    """
    state = Path(state) if state is not None else None
    return Stream.open(SavedDetector.load(Path(load)), state, Path(load))


def load(folder: str | Path) -> Forecaster:
    """A model that was saved, by `Forecaster.save` or `forecast --save`."""
    return Forecaster.load(Path(folder))


def _checked(frame: Table, roles: Roles, freq: str | None = None, trained_step: Frequency | None = None) -> Checked:
    """Series on their grids."""
    return check(long(frame, roles), roles, freq=freq, trained_step=trained_step)


def _with(settings: Settings | None, ensemble: int, holidays: Sequence[str] | None) -> dict[str, Any]:
    return {"ensemble": ensemble, "holidays": ",".join(holidays or ()), **(settings or {})}


def _warn(quality: Quality) -> None:
    """One warning for each reason why rows or series were changed or left out."""
    for line in quality.lines():
        if not line.startswith("note"):
            warnings.warn(line, stacklevel=3)
