"""A search for the settings of a model that forecast best, judged on rows that the search has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
import pandas as pd

from forecaster.counted import counted
from forecaster.errors import ConfigError, ForecasterError
from forecaster.evaluation.compare import Judged, Split, judge, train_test_split
from forecaster.evaluation.search_space import Choice, Dimension
from forecaster.evaluation.significance import Ratio, ratio
from forecaster.progress import SILENT, Watch
from forecaster.training.recipe import require_recipe

__all__ = ["Tried", "Tuning", "tune"]


@dataclass(frozen=True)
class Tried:
    """Settings that were tried, and the error on the validation part."""

    settings: Mapping[str, str]
    """Empty: the defaults."""
    error: float
    """NaN if the trial failed."""
    training_s: float
    failed: str = ""


@dataclass(frozen=True)
class Tuning:
    """All trials, and what the best settings and the defaults are worth on the test part."""

    by: str
    tried: tuple[Tried, ...]
    defaults: Judged
    tuned: Judged

    @property
    def best(self) -> Tried:
        """The trial with the least error."""
        return _best(self.tried)

    @property
    def gain(self) -> Ratio:
        """The error of the best settings beside that of the defaults, on the test part."""
        return ratio(self.tuned.board, self.defaults.board, self.by)

    def table(self) -> pd.DataFrame:
        """One row per trial, the best first: its number, its error, seconds, settings (empty for the defaults), why it failed."""
        rows = [
            {"trial": number, self.by: one.error, "training_s": one.training_s, **one.settings}
            for number, one in enumerate(self.tried, start=1)
        ]
        table = pd.DataFrame(rows).assign(failed=[one.failed for one in self.tried])
        return table.sort_values(self.by, ignore_index=True, kind="stable")


def tune(
    split: Split,
    *,
    model: str,
    horizon: int,
    space: Sequence[Dimension],
    trials: int,
    by: str = "mase",
    seed: int = 1,
    minutes: float = 0.0,
    settings: Mapping[str, Any] | None = None,
    watch: Watch = SILENT,
    **asked: Any,
) -> Tuning:
    """Try settings on the last part of the rows before the test part; then judge the best ones, and the defaults, on the
    test part, each trained on all rows before it.

    The defaults are the first trial. A trial that fails is recorded, and stops no other. `minutes` is a limit on the search,
    0 for none; the rest of `asked` is as in `judge`.

    Source: tree-structured Parzen estimator, Bergstra et al. (2011), NeurIPS, as Optuna has it
    Raises: ConfigError for a setting that is unknown or out of range, or if no trial gives an error
    """
    _require_space(model, space, settings or {}, trials, minutes)
    try:
        inner = train_test_split(split.before_tests(), horizon=horizon)
    except ConfigError as error:
        raise ConfigError(
            f"too few rows to search: trials are judged on the last part of those before the test part, on a horizon of "
            f"{counted(horizon, 'step')}. Take a shorter --horizon, or a smaller test part. ({error})"
        ) from error
    fixed: dict[str, Any] = {"model": model, "horizon": horizon, **asked}
    tried: list[Tried] = []

    def attempt(chosen: Mapping[str, str]) -> float:
        one = _tried(inner, by, settings or {}, chosen, fixed)
        tried.append(one)
        watch.say(_told(len(tried), one, by))
        return one.error

    def objective(trial: optuna.Trial) -> float:
        return attempt({dimension.key: _suggested(trial, dimension) for dimension in space})

    attempt({})
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    if trials > 1:
        study.optimize(objective, n_trials=trials - 1, timeout=60 * minutes or None)
    if all(one.error != one.error for one in tried):
        raise ConfigError(f"no trial could be judged. {tried[0].failed}")
    watch.say("judging the best settings and the defaults on the test part")
    defaults, best = judge(split, settings=settings, **fixed), _best(tried).settings
    tuned = judge(split, settings={**(settings or {}), **best}, **fixed) if best else defaults
    return Tuning(by, tuple(tried), defaults, tuned)


def _best(tried: Sequence[Tried]) -> Tried:
    """The trial with the least error."""
    return min((one for one in tried if one.error == one.error), key=lambda one: one.error)


def _require_space(
    model: str, space: Sequence[Dimension], settings: Mapping[str, Any], trials: int, minutes: float
) -> None:
    """Raises: ConfigError if there is nothing to search, or if an end of a range is refused"""
    if trials < 1:
        raise ConfigError(f"--trials must be at least 1, got {trials}.")
    if not minutes >= 0:
        raise ConfigError(f"--minutes must be 0 (no limit) or more, got {minutes}.")
    if not space:
        raise ConfigError(
            f"model '{model}' has no weights, so there is nothing to tune. Name its settings: --search KEY=A,B."
        )
    for dimension in space:
        values = dimension.values if isinstance(dimension, Choice) else (dimension.low, dimension.high)
        for value in values:
            try:
                require_recipe(model, {**settings, dimension.key: _text(value)})
            except ConfigError as error:
                raise ConfigError(f"--search {dimension.key}: {str(error).removeprefix('--set ')}") from error


def _suggested(trial: optuna.Trial, dimension: Dimension) -> str:
    """The value that the search takes next."""
    if isinstance(dimension, Choice):
        return str(trial.suggest_categorical(dimension.key, dimension.values))
    if dimension.whole:
        low, high = int(dimension.low), int(dimension.high)
        return str(trial.suggest_int(dimension.key, low, high, log=dimension.by_factors))
    return _text(trial.suggest_float(dimension.key, dimension.low, dimension.high, log=dimension.by_factors))


def _text(value: object) -> str:
    """A value as `--set` takes it; three digits are enough for a number that was found by chance."""
    return f"{value:.3g}" if isinstance(value, float) and value != int(value) else str(value).removesuffix(".0")


def _tried(
    inner: Split, by: str, settings: Mapping[str, Any], chosen: Mapping[str, str], fixed: Mapping[str, Any]
) -> Tried:
    try:
        one = judge(inner, settings={**settings, **chosen}, **fixed)
    except ForecasterError as error:
        return Tried(chosen, float("nan"), 0.0, str(error))
    return Tried(chosen, one.board.values()[by], one.training_s)


def _told(number: int, one: Tried, by: str) -> str:
    words = " ".join(f"{key}={value}" for key, value in one.settings.items()) or "defaults"
    return f"trial {number}: {words}: " + (one.failed or f"{by.upper()} {one.error:.4g}")
