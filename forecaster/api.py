"""Forecasts and anomalies from pandas data frames.

    from forecaster import api

    model = api.fit(frame, horizon=24)                        # frame: unique_id, ds, y; unique_id only for several series
    rows = api.predict(model, frame)                          # unique_id, ds, cutoff, mean, q0.025 ... q0.975
    weights = api.attention(model, frame)                     # models with attention: unique_id, ds, weight
    rows, scores = api.backtest(frame, horizon=24, test_size=168)
    rows, events = api.detect(frame, train_until="2024-03-31", save="detector")
    rows = api.stream("detector").feed(newer)                 # like `detect` for new rows, and quantiles of the next step
    table, by_series = api.evaluate(frame, detectors=["auto", "residual"])     # frame: unique_id, ds, y, label
    found = api.tune(frame, horizon=24, model="gru")          # .table() of trials, .best.settings, .gain on the test part

In place of a data frame, all functions accept a `pandas.Series` with times as its index, a dict of columns, or a table of
pyarrow or polars. Arguments and defaults are those of the command line; where a list is expected, one name or number will
do. Errors are those of `forecaster.errors`, and name arguments; repairs of the input, such as rows that were sorted or left
out, are reported as warnings.
"""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from forecaster.arguments import in_arguments
from forecaster.errors import ConfigError, MissingPackage
from forecaster.evaluation.compare import compare, train_test_split
from forecaster.evaluation.detection_trial import Trials, run
from forecaster.evaluation.detector_board import DetectorBoard
from forecaster.evaluation.leaderboard import rank, require_ratio
from forecaster.evaluation.scores_table import scores_table
from forecaster.progress import SILENT, Watch
from forecaster.scoring.attended import attended_rows
from forecaster.scoring.between_files import detect_on, keep, reopened
from forecaster.scoring.detect import detect_all
from forecaster.scoring.detection import Detection
from forecaster.scoring.detection_rows import events_of, rows_of
from forecaster.scoring.fdr import restrained
from forecaster.scoring.forecaster import Forecaster, train
from forecaster.scoring.option_checks import levels_of
from forecaster.scoring.rate import DEFAULT_RATE
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.tables import forecast_rows
from forecaster.scoring.training_ends import training_ends
from forecaster.series.door import Table, long
from forecaster.series.frame import Checked, check
from forecaster.series.frequency import Frequency
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles

if TYPE_CHECKING:
    from forecaster.evaluation.tuning import Tuning

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
    "tune",
]

Settings = Mapping[str, Any]
One = TypeVar("One")


@in_arguments
def fit(
    frame: Table,
    *,
    horizon: int,
    model: str | Sequence[str] = "auto",
    ensemble: int = 1,
    season: int | Sequence[int] = (),
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
    """Train one model on all series of a frame.

    `model` may name several models, in a list or separated by commas; their forecast is then the median. `ensemble`
    trains each model with so many seeds and takes the median, too. "auto" trains several models and weights each by its
    error on held-out rows. `settings` are those of `--set`, such as `{"seed": 2, "size": "s"}`.

    `warm_start` is the folder of a saved model: training starts from its weights. `resume` is a folder in which the state
    of the training is kept: if the process is killed, the same call continues from there.

    `season` is one season length in steps, or several; without it they are found from the rows. `freq` is the step of the
    series, such as "15min", "h" or "D", by default found from the times. `targets` are the columns to forecast instead of
    `y`; `past` are columns known up to now, `future` those known in advance, `static` those with one value for each series.
    `holidays` are countries whose public holidays are features.

    Missing: NaN in `y` is a missing value; it is neither learned from nor judged
    Raises:  DataError for rows that cannot be read, ConfigError for an unknown setting, ArtifactError if the weights of
        `warm_start` do not fit the model
    """
    checked = _checked(frame, Roles.of(targets, past, future, static), freq)
    made = train(
        checked,
        model=_joined(model),
        horizon=horizon,
        season=_several(season),
        settings=_with(settings, ensemble, holidays),
        warm=load(warm_start) if warm_start is not None else None,
        resume=Path(resume) if resume is not None else None,
        watch=watch,
    )
    _warn(checked.quality)
    return made


@in_arguments
def predict(
    model: Forecaster,
    frame: Table,
    *,
    horizon: int | None = None,
    quantiles: float | str | Sequence[float | str] = (),
    warmup: int | None = None,
) -> pd.DataFrame:
    """Forecast every series of a frame after its last row; these may be series that the model was not trained on.

    `quantiles` are further quantile levels, or `["none"]` for the median only. With `warmup`, the network reads only so
    many last rows of each series: this is faster, and the error it causes is in `Facts.tails` of the model's members.

    Returns one row for each series and step: `unique_id, ds, cutoff, mean` and a column for each quantile level; with several
    targets, `channel` names the target.

    Units:   those of `y`; `ds` and `cutoff` are of the frame's type and time zone
    Missing: NaN in `y` is a missing value; a series that the model cannot forecast gets a naive forecast, and a warning
    Raises:  DataError for rows that cannot be read; ArtifactError if the horizon is longer than that of the training, or if the series have another step;
        ConfigError for a horizon or warmup below 1, or a level outside (0, 1)
    """
    levels = levels_of(_several(quantiles))
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    rows = model.predict(checked, horizon=horizon, levels=levels, warmup=warmup)
    _warn(checked.quality)
    return rows


@in_arguments
def sample(
    model: Forecaster,
    frame: Table,
    *,
    paths: int = 100,
    seed: int = 1,
    horizon: int | None = None,
    warmup: int | None = None,
) -> pd.DataFrame:
    """Draw sample paths of every series after its last row: `unique_id, ds, cutoff, path, y`.

    At each step, the samples have the distribution that the quantiles of `predict` describe. Within a path, the steps
    depend on each other as the errors of held-out forecasts did. So sums and extremes over the horizon have the right
    distribution, too. The same `seed` gives the same paths.

    Returns one row for each series, path (numbered from 0) and step; missing values, units and errors are as in `predict`.

    Raises: ConfigError also for fewer than one path
    """
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    found = model.forecasts(checked, horizon=horizon, warmup=warmup)
    rows = pd.concat(model.sample(found, paths, seed=seed, horizon=horizon), ignore_index=True)
    _warn(checked.quality)
    return rows


@in_arguments
def attention(model: Forecaster, frame: Table) -> pd.DataFrame:
    """Attention weights of the forecast after each series' last row: `unique_id, ds, weight`, which sum to 1 per series.

    A recurrent model attends to its states at past rows; a state also depends on the rows before it. A transformer
    attends to lag windows that end at past rows; the weights of its layers are multiplied.

    Rows of weight 0 are left out.

    Raises: ConfigError for a model without attention, ArtifactError if the series have another step
    """
    checked = _checked(frame, model.roles, trained_step=model.only_step)
    rows = attended_rows(model, checked)
    _warn(checked.quality)
    return rows


@in_arguments
def backtest(
    frame: Table,
    *,
    horizon: int,
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    refit_every: int | None = None,
    refit_warm: bool = False,
    model: str | Sequence[str] = "auto",
    ensemble: int = 1,
    season: int | Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecast from every cutoff of the test part, and compare the metrics with those of the seasonal naive forecast.

    The test part begins after `train_until`, or is the last `test_size` rows of each series. `stride` is the number of
    steps from one cutoff to the next. With `refit_every=K`, the model is trained again after every K steps of the test
    part, on all rows known by then; with `refit_warm`, these trainings start from the previous weights.

    Returns the forecasts, one row for each series, cutoff and step, as in `predict`, and a table of metrics with one row for
    each model: docs/parts.md has their definitions and units.

    Missing: a missing value of the test part is not judged
    Raises:  DataError for rows that cannot be read; ConfigError for an unknown setting, for both `train_until` and
        `test_size`, or if no series has rows on both sides
    """
    checked, parts = _checked(frame, Roles.of(targets, past, future, static), freq), []
    _, boards = compare(
        checked,
        model=_joined(model),
        horizon=horizon,
        train_until=train_until,
        test_size=test_size,
        stride=stride,
        season=_several(season),
        settings=_with(settings, ensemble, holidays),
        refit_every=refit_every,
        refit_warm=refit_warm,
        keep=lambda grid, part: parts.append(forecast_rows(grid, part, until=grid.lengths - 1)),
        watch=watch,
    )
    _warn(checked.quality)
    return pd.concat(parts, ignore_index=True), scores_table(boards)


@in_arguments
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
    season: int | Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> pd.DataFrame:
    """Compare several models on the same cutoffs: one row for each model, the best first by the metric `by`.

    `models` are names; `"lstm+gru"` is an ensemble of the two. `by` is a metric that measures the size of errors. The test
    part, `stride` and `refit_every` are as in `backtest`. A model that fails causes a warning and is left out.

    Returns, for each model, every metric, the one in `by` relative to seasonal naive's with a 95 % interval, whether the model
    differs significantly from the best, processor seconds and the number of weights.

    Missing: a missing value of the test part is not judged
    Raises:  DataError for rows that cannot be read; ConfigError for an unknown name, a metric that does not measure the size
        of errors, or if every model fails
    """
    checked = _checked(frame, Roles.of(targets, past, future, static), freq)
    found = rank(
        train_test_split(checked, horizon=horizon, train_until=train_until, test_size=test_size),
        models,
        by=by,
        horizon=horizon,
        stride=stride,
        season=_several(season),
        settings=_with(settings, ensemble, holidays),
        refit_every=refit_every,
        refit_warm=refit_warm,
        watch=watch,
    )
    for name, why in found.failed.items():
        checked.quality.add("skip", f"model {name}: {why}")
    _warn(checked.quality)
    return found.table()


@in_arguments
def tune(
    frame: Table,
    *,
    horizon: int,
    model: str = "lstm",
    search: Sequence[str] | None = None,
    trials: int = 20,
    minutes: float = 0.0,
    by: str = "mase",
    seed: int = 1,
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    season: int | Sequence[int] = (),
    freq: str | None = None,
    targets: Sequence[str] | None = None,
    past: Sequence[str] | None = None,
    future: Sequence[str] | None = None,
    static: Sequence[str] | None = None,
    holidays: Sequence[str] | None = None,
    settings: Settings | None = None,
    watch: Watch = SILENT,
) -> "Tuning":
    """Search for the settings with which a model forecasts best, judged on the last part of the rows before the test part.

    `search` has texts such as `"size=s,m,l"` or `"lr=0.001..0.03"`; by default size, dropout, lr and weight_decay are
    searched. `trials` is the number of trainings, the first with the defaults; `minutes` limits the search, 0 for no limit.

    Returns all trials: `.table()` has them, the best first, `.best.settings` goes into `settings` of `fit`, and `.gain` is
    the error of the best settings as a share of that of the defaults, on the test part, which the search has not seen.

    Raises: ConfigError for a setting that cannot be searched, MissingPackage without optuna
    """
    try:
        from forecaster.evaluation.search_space import space_of
        from forecaster.evaluation.tuning import tune as tune_all
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "optuna", "tune") from error
    require_ratio(by)
    space = space_of(model, search)
    checked = _checked(frame, Roles.of(targets, past, future, static), freq)
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
        season=_several(season),
        settings={"seed": seed, **_with(settings, 1, holidays)},
        watch=watch,
    )
    _warn(checked.quality)
    return found


@in_arguments
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
    """Score every row for anomalies: a table of rows, in the order of the frame, and a table of events.

    Training rows are those up to `train_until`, or those where `test_column` is 0; without either, the first 15 % of each
    series, at most 750 rows. `save` is a folder to save the detector in. `load` is the folder of a saved detector, which is
    used without training; a series whose first row comes after the rows it was trained on continues from there. With
    `load`, only `false_alarms` and rules can be changed.

    `channels` are columns to judge instead of `y`, as parts of one thing: the table then has a row for each channel, and one
    for the whole, whose `channel` is `*`. `false_alarms` is the rate at which alarms may be false, such as "1/1000-rows" or
    "1/series-week". With `hindsight`, detectors may look ahead. docs/detectors.md has the detectors and their settings.

    Returns for each row, among others, `expected, lower, upper` in units of `y`, `p_value`, `score` (its -log10), `is_anomaly` and
    `event_id`; and for each event its start, peak and end, severity and direction.

    Missing: NaN in `y` is a missing value: its row has no score, and is an anomaly only by a rule about missing values
    Raises:  DataError for rows that cannot be read; ConfigError for a setting that is unknown or that a loaded detector
        already has; ArtifactError if `load` has no detector
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


@in_arguments
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
    """Compare detectors with each other and with a random score on labelled series.

    The column `label` is non-zero where a row is anomalous. Several frames can be given as a dict by name; the leaderboard
    is then the mean over them. A detector that fails causes a warning and is left out.

    Returns the leaderboard, and the metrics of each series: docs/parts.md has their definitions.

    Missing: a missing value has no score, which counts as the least strange of all
    Raises:  DataError for rows that cannot be read; ConfigError for a frame without labels, or an unknown name or setting
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
            warnings.warn(f"detector {detector} failed: {reason}", stacklevel=3)
    return board.table(), board.by_series()


@in_arguments
def stream(load: str | Path, state: str | Path | None = None) -> Stream:
    """Continue series row by row: `.feed(frame)` takes new rows and returns for each the same as `detect`.

    `load` is the folder of a saved detector (`detect(save=...)`) or of a saved forecaster. `state` is a folder in which an
    earlier stream was saved (`.save(state)`): series continue from there. Without it, they continue after the rows on which
    the detector was trained, and these are late; a series that comes from its first row on begins anew. A detector of
    several channels expects these as columns, and returns a row for each channel and one for all of them together.

    Raises: ArtifactError if one of the folders is damaged or of a later version, or for a detector that needs all rows at once
    """
    state = Path(state) if state is not None else None
    return Stream.open(SavedDetector.load(Path(load)), state, Path(load))


@in_arguments
def load(folder: str | Path) -> Forecaster:
    """Load a model that was saved by `Forecaster.save` or by `forecast --save`.

    Raises: ArtifactError if the folder is absent, damaged or of a later version
    """
    return Forecaster.load(Path(folder))


def _checked(frame: Table, roles: Roles, freq: str | None = None, trained_step: Frequency | None = None) -> Checked:
    """The series of a frame, each on a regular grid of its step."""
    return check(long(frame, roles), roles, freq=freq, trained_step=trained_step)


def _several(given: One | Sequence[One]) -> Sequence[One]:
    """One value as a list; a text is a list by now, by `in_arguments`."""
    return given if isinstance(given, Sequence) else [given]


def _joined(model: str | Sequence[str]) -> str:
    """Names of models, separated by commas as other doors have them."""
    names = [model] if isinstance(model, str) else model
    if not isinstance(names, Sequence) or not names or not all(isinstance(name, str) for name in names):
        raise ConfigError(f"model must be the name of a model, or a list of names, got {model!r}.")
    return ",".join(names)


def _with(settings: Settings | None, ensemble: int, holidays: Sequence[str] | None) -> dict[str, Any]:
    """All settings of a training; those of `settings` take precedence."""
    return {"ensemble": ensemble, "holidays": ",".join(holidays or ()), **(settings or {})}


def _warn(quality: Quality) -> None:
    """Give one warning for each reason why rows or series were changed or left out."""
    for line in quality.lines():
        if not line.startswith("note"):
            warnings.warn(line, stacklevel=4)  # at the caller of the function, which `in_arguments` has wrapped
