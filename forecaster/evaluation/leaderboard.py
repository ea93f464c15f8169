"""Several models judged on the same cutoffs, ranked from best to worst, with the uncertainty of the ranking."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecaster import plugins
from forecaster.errors import ConfigError, ForecasterError, unknown_name
from forecaster.evaluation.compare import Judged, Split, judge
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scores_table import scores_table
from forecaster.evaluation.significance import Ratio, ratio
from forecaster.progress import SILENT, Watch
from forecaster.training.auto import AUTO, CANDIDATES
from forecaster.training.recipe import own_settings

__all__ = ["USUAL", "Leaderboard", "rank", "require_ratio"]

log = logging.getLogger(__name__)

USUAL = ("lstm", "gru", "esrnn", "linear", "best_naive")
"""Models that stand beside seasonal naive where none are named."""

_JOINT = "+"


@dataclass(frozen=True)
class Leaderboard:
    """Models ranked by a metric, the best first, and the models that could not be judged.

    A model cannot be told apart from the best if the 95 % interval of the ratio of their errors includes 1. The best is
    chosen by the same errors, so among many models of similar quality it can look better than it is.
    """

    by: str
    judged: Mapping[str, Judged]
    failed: Mapping[str, str]
    """Why."""

    @property
    def best(self) -> str:
        """The name of the best model."""
        return next(iter(self.judged))

    def beside(self, other: str) -> dict[str, Ratio]:
        """Every model's metric as a ratio to that of one given model."""
        reference = self.judged[other].board
        return {name: ratio(one.board, reference, self.by) for name, one in self.judged.items()}

    def table(self) -> pd.DataFrame:
        """One row per model: the metric, its ratio to seasonal naive's, the cost, and all other metrics."""
        scores = scores_table({name: one.board for name, one in self.judged.items()})
        naive, best = self.beside(NAIVE), self.beside(self.best)
        rows = {name: {**_standing(naive[name]), **_cost(one)} for name, one in self.judged.items()}
        standing = pd.DataFrame.from_dict(rows, orient="index").astype({"weights": "Int64"})
        standing.insert(3, "beside_best", [_word(name == self.best, best[name]) for name in self.judged])
        return pd.concat([scores[[self.by]], standing, scores.drop(columns=self.by)], axis=1)


def rank(
    split: Split,
    models: Sequence[str] | None = None,
    *,
    by: str = "mase",
    settings: Mapping[str, Any] | None = None,
    watch: Watch = SILENT,
    **asked: Any,
) -> Leaderboard:
    """Train each model on the rows before the test part and judge it there; seasonal naive is always included.

    `lstm+gru` is an ensemble of the two; the rest of `asked` is as in `judge`. A setting applies to the models that
    have it. A model that fails is reported with its reason, and never stops the others.

    Raises: ConfigError for an unknown name, a metric that does not measure the size of errors, or if every model fails
    """
    names = _named(models or USUAL)
    require_ratio(by)
    judged: dict[str, Judged] = {}
    failed: dict[str, str] = {}
    for name in names:
        watch.say(f"{name}: {len(judged) + len(failed) + 1} of {len(names)}")
        own = None if name == NAIVE else _own(name, names, settings or {})
        try:
            judged[name] = judge(split, model=name.replace(_JOINT, ","), settings=own, watch=watch, **asked)
        except Exception as error:  # whatever is wrong with one model, the others are still judged
            failed[name] = _reason(error)
            watch.say(f"{name} failed: {failed[name]}")
    if NAIVE in failed or (failed and len(judged) == 1):
        raise ConfigError(f"no model could be judged. {_told(failed)}")
    values = {name: one.board.values()[by] for name, one in judged.items()}
    order = sorted(judged, key=lambda name: (values[name] != values[name], values[name]))
    return Leaderboard(by, {name: judged[name] for name in order}, failed)


def require_ratio(by: str) -> None:
    """Raises: ConfigError for an unknown metric, or one that does not measure the size of errors."""
    known = [name for name in plugins.names("metrics") if plugins.load("metrics", name).size]
    if by not in known:
        raise unknown_name("metric to order by,", by, known)


def _named(models: Sequence[str]) -> list[str]:
    """Each model once, by its file name, and seasonal naive."""
    names = [model.strip().replace("-", "_") for model in models]
    for name in names:
        for part in name.split(_JOINT) if name != AUTO else ():
            if part not in plugins.names("models"):
                raise unknown_name("model", part, [AUTO, *plugins.names("models")])
    return list(dict.fromkeys([*names, NAIVE]))


def _own(name: str, names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings, without those that only other models have."""
    everyone = [part for each in names for part in _parts(each)]
    kept = {key for part in _parts(name) for key in own_settings(part, everyone, settings)}
    return {key: value for key, value in settings.items() if key in kept}


def _parts(name: str) -> Sequence[str]:
    return CANDIDATES if name == AUTO else name.split(_JOINT)


def _reason(error: Exception) -> str:
    if isinstance(error, ForecasterError):
        return str(error)
    log.exception("a model of the leaderboard failed")
    return f"{type(error).__name__}: {error}"


def _told(failed: Mapping[str, str]) -> str:
    """Each reason of failure once, with the models that failed for it."""
    models = {why: ", ".join(name for name in failed if failed[name] == why) for why in failed.values()}
    return " ".join(f"{names}: {why}" for why, names in models.items())


def _standing(beside: Ratio) -> dict[str, float]:
    low, high = beside.interval or (float("nan"), float("nan"))
    return {"of_naive": beside.value, "of_naive_low": low, "of_naive_high": high}


def _cost(one: Judged) -> dict[str, float]:
    weights = sum(member.facts.weights for member in one.forecaster.members)
    return {"training_s": one.training_s, "forecasting_s": one.forecasting_s, "weights": weights}


def _word(best: bool, beside: Ratio) -> str:
    if best:
        return "best"
    if beside.void:
        return "n/a"
    return "not distinguishable" if beside.includes_one else "worse"
