"""What a model's name asks for: one training, an ensemble of several, or the one that proves best."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from forecaster import plugins
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.plan import Plan, plan

__all__ = ["AUTO", "learn"]

log = logging.getLogger(__name__)

AUTO = "auto"
CANDIDATES = ("lstm", "linear", "best_naive")
_CLOSE = 1.02
"""Candidates whose held-out error is at most so many times the best one's forecast together with it."""
_SECONDS_IN_ALL = 600.0
"""Guard on several trainings together, where one alone has 180 seconds."""


def learn(
    grid: Grid,
    ends: Ints,
    *,
    model: str,
    horizon: int,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    watch: Watch = SILENT,
) -> Artefact:
    """Train what was asked for on the rows before `ends`.

    `model` is a name, several with commas (the median of their forecasts counts), or `auto`; the setting `ensemble` is
    the number of seeds of each.

    Shapes: ends [S]
    Raises: ConfigError for an unknown name or setting
    """
    from forecaster.training.fit import fit  # brings Lightning, which a loaded model does without

    names = CANDIDATES if model == AUTO else tuple(name.strip() for name in model.split(","))
    seeds, asked = _seeds(settings or {})
    made: list[Artefact] = []
    for name in names:
        own = _own(name, names, asked)
        one = plan(grid, ends, model=name, horizon=horizon, season=tuple(season), settings=own)
        for each in _seeded(one, seeds if plugins.load("models", name).learned else 1, seeds * len(names)):
            for line in each.lines():
                watch.say(line)
            made.append(fit(grid, ends, each, watch=watch))
    return _best(made, watch) if model == AUTO else _together(made)


def _seeds(settings: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The number of seeds, and the other settings."""
    rest = {key: value for key, value in settings.items() if key != "ensemble"}
    value = settings.get("ensemble", 1)
    if not str(value).isdigit() or int(value) < 1:
        raise ConfigError(f"--ensemble must be a number from 1 on, got {value}.")
    return int(value), rest


def _own(name: str, names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for one of several models: without those that only the others know."""
    known = {each: {field.name for field in fields(plugins.load("models", each).Config)} for each in names}
    foreign = set().union(*known.values()) - known[name]
    return {key: value for key, value in settings.items() if key.removeprefix("model.") not in foreign}


def _seeded(one: Plan, seeds: int, members: int) -> list[Plan]:
    training = one.training
    seconds = min(training.max_seconds, _SECONDS_IN_ALL / members)
    return [replace(one, training=replace(training, seed=training.seed + k, max_seconds=seconds)) for k in range(seeds)]


def _together(made: Sequence[Artefact]) -> Artefact:
    return replace(made[0], others=tuple(made[1:]))


def _best(made: Sequence[Artefact], watch: Watch) -> Artefact:
    """Those with the least held-out error, and why."""
    known = sorted((a.facts.held_out_error, n) for n, a in enumerate(made) if a.facts.held_out_error is not None)
    if not known:
        watch.say(f"auto: too few rows to hold any out, so {made[0].plan.model} is taken as it is")
        return made[0]
    chosen = [made[n] for error, n in known if error <= _CLOSE * known[0][0]]
    told = ", ".join(f"{made[n].plan.model} {error:.4g}" for error, n in known)
    taken = " with ".join(a.plan.model for a in chosen)
    watch.say(f"auto: {taken}, by the error on the held-out rows: {told}")
    return _together(chosen)
