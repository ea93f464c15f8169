"""What a model's name asks for: one training, an ensemble of several, or the one that proves best."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from forecaster import plugins
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import DESCRIPTION, Artefact
from forecaster.training.auto import AUTO, CANDIDATES, best
from forecaster.training.kept import Kept
from forecaster.training.plan import Plan, plan
from forecaster.training.tails import with_tails
from forecaster.training.warm_start import saved_for

__all__ = ["learn", "own_settings"]

_STATE = "state.safetensors"
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
    warm: Artefact | None = None,
    kept: Kept | None = None,
    watch: Watch = SILENT,
) -> Artefact:
    """Train what was asked for on the rows before `ends`.

    `model` is a name, several with commas (the median of their forecasts counts), or `auto`; the setting `ensemble` is
    the number of seeds of each. `warm` is a saved model to begin with (`auto` then trains what it is made of), `kept` a
    folder by which killed trainings continue.

    Shapes: ends [S]
    Raises: ConfigError for an unknown name or setting, ArtifactError for weights that do not fit
    """
    known = tuple(dict.fromkeys(member.plan.model for member in warm.members)) if warm is not None else ()
    names = known or CANDIDATES if model == AUTO else tuple(name.strip() for name in model.split(","))
    seeds, asked = _seeds(settings or {})
    trainings = seeds * max(1, sum(plugins.load("models", name).learned for name in names))

    def train(wanted: Sequence[str]) -> list[Artefact]:
        """Each by each of its seeds."""
        made: list[Artefact] = []
        for name in wanted:
            own = own_settings(name, names, asked)
            one = plan(grid, ends, model=name, horizon=horizon, season=tuple(season), settings=own)
            learned = plugins.load("models", name).learned
            for number, each in enumerate(_seeded(one, seeds if learned else 1, members=trainings)):
                for line in each.lines():
                    watch.say(line)
                begin = saved_for(each, number, warm) if learned and warm is not None else None
                fitted = _fitted(grid, ends, each, begin, kept, watch)
                made.extend(with_tails(member, grid, ends) for member in fitted.members)
        return made

    if model == AUTO:
        return best(train, grid, ends, watch, known)
    first, *others = train(names)
    return first.joined(others)


def _fitted(grid: Grid, ends: Ints, one: Plan, warm: Artefact | None, kept: Kept | None, watch: Watch) -> Artefact:
    """A training from its beginning, from where it was killed, or done before."""
    from forecaster.training.fit import fit  # brings Lightning, which a loaded model does without

    if kept is None:
        return fit(grid, ends, one, watch=watch, warm=warm)
    folder = kept.of(one, grid, ends, warm)
    state = folder / _STATE
    if (folder / DESCRIPTION).exists():
        watch.say(f"taken from {folder}: this training was done before")
        return Artefact.load(folder)
    if state.exists():
        watch.say(f"continuing the training in {folder}")
    made = fit(grid, ends, one, watch=watch, warm=warm, state=state)
    made.save(folder)
    return made


def _seeds(settings: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The number of seeds, and the other settings."""
    rest = {key: value for key, value in settings.items() if key != "ensemble"}
    value = settings.get("ensemble", 1)
    if not str(value).isdigit() or int(value) < 1:
        raise ConfigError(f"--ensemble must be a number from 1 on, got {value}.")
    return int(value), rest


def own_settings(name: str, names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for one of several models: without those that only the others can follow."""
    known = {each: _fields(each, settings.get("scale", "")) for each in names}
    foreign = set().union(*known.values()) - known[name]
    if len(names) > 1 and plugins.load("models", name).memory != "state":
        foreign |= {"stream", "training.stream"}
    own = {key: key.removeprefix("model.").removeprefix("scale.") for key in settings}
    return {key: value for key, value in settings.items() if own[key] not in foreign}


def _fields(name: str, scale: str) -> set[str]:
    """What can be set of a model and of its scale: the one that is asked for, or its own."""
    model = plugins.load("models", name)
    configs = model.Config, plugins.load("scales", scale or model.scale).Config
    return {field.name for config in configs for field in fields(config)}


def _seeded(one: Plan, seeds: int, members: int) -> list[Plan]:
    """The same plan with seeds that follow, and its part of the time."""
    seconds = min(one.training.max_seconds, _SECONDS_IN_ALL / members)
    return [
        replace(one, training=replace(one.training, seed=one.training.seed + k, max_seconds=seconds))
        for k in range(seeds)
    ]
