"""From the name of a model to trained artefacts: one training, an ensemble of several, or `auto`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from itertools import groupby
from typing import Any

from forecaster import plugins
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.auto import AUTO, CANDIDATES, best
from forecaster.training.blend import Blend
from forecaster.training.checkpoint_folder import CheckpointFolder
from forecaster.training.choice import require_settings
from forecaster.training.elsewhere import Runner, launcher
from forecaster.training.held_out import held_out_series
from forecaster.training.job import Job
from forecaster.training.plan import Plan, plan
from forecaster.training.time_shares import time_shares
from forecaster.training.warm_start import saved_for

__all__ = ["learn", "own_settings", "require_recipe"]

_SECONDS_IN_ALL = 600.0
"""Time limit on several trainings together, shared by their need; none has more than the limit of one alone."""


def learn(
    grid: Grid,
    ends: Ints,
    *,
    model: str,
    horizon: int,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    warm: Artefact | None = None,
    kept: CheckpointFolder | None = None,
    watch: Watch = SILENT,
) -> Artefact:
    """Train the model or models asked for, on the rows before `ends`.

    `model` is a name, several separated by commas (combined by the median of their forecasts), or `auto`; the setting
    `ensemble` is the number of seeds of each, whose median counts as one forecast. `warm` is a saved model to start
    from (`auto` then trains the models it consists of), `kept` a folder from which killed trainings continue.

    Shapes: ends [S]
    Raises: ConfigError for an unknown name or setting, ArtifactError for weights that do not fit
    """
    known = tuple(dict.fromkeys(member.plan.model for member in warm.members)) if warm is not None else ()
    names = known or CANDIDATES if model == AUTO else tuple(name.strip() for name in model.split(","))
    where, rest = launcher(settings or {})
    seeds, asked = _seeds(rest)
    recipe = _Recipe(grid, ends, names, seeds, horizon, tuple(season), asked, warm, kept, where, watch)
    if model == AUTO:
        return best(recipe.train, recipe.plan, grid, ends, watch, known)
    first, *others = recipe.train(names)
    return first.joined(others, Blend(seeds=_seeds_of([first, *others])))


def require_recipe(model: str, settings: Mapping[str, Any]) -> None:
    """Check what `learn` would refuse for any rows. Raises: ConfigError for an unknown name or setting"""
    _, rest = launcher(settings)
    _, asked = _seeds(rest)
    names = CANDIDATES if model == AUTO else tuple(name.strip() for name in model.split(","))
    for name in names:
        require_settings(own_settings(name, names, asked), name)


@dataclass(frozen=True)
class _Recipe:
    """Models to train on the rows before `ends`, and how."""

    grid: Grid
    ends: Ints
    names: Sequence[str]
    seeds: int
    horizon: int
    season: tuple[int, ...]
    settings: Mapping[str, Any]
    warm: Artefact | None
    kept: CheckpointFolder | None
    where: Runner
    watch: Watch

    def train(self, wanted: Sequence[str]) -> list[Artefact]:
        """Train the wanted models, each with each of its seeds."""
        jobs = [job for name in wanted for job in self._jobs(name)]
        most = max(job.plan.training.max_seconds for job in jobs)
        shares = time_shares([job.seconds for job in jobs], most, _SECONDS_IN_ALL)
        limited = [self._limited(job, share) for job, share in zip(jobs, shares, strict=True)]
        made = self.where.run(limited, self.grid, self.ends, self.watch)
        return [artefact for each in made for artefact in each]

    def plan(self, name: str) -> Plan:
        """The plan of one of the models."""
        own = own_settings(name, self.names, self.settings)
        return plan(self.grid, self.ends, model=name, horizon=self.horizon, season=self.season, settings=own)

    def _jobs(self, name: str) -> Iterator[Job]:
        """The trainings of a model, one for each seed."""
        learned, usual = plugins.load("models", name).learned, self.plan(name)
        for number in range(self.seeds if learned else 1):
            each = replace(usual, training=replace(usual.training, seed=usual.training.seed + number))
            held_out = len(held_out_series(self.ends, each)) > 0
            for line in (*each.lines(held_out=held_out), *_unread(each, self.grid)):
                self.watch.say(line)
            begin = saved_for(each, number, self.warm) if learned and self.warm is not None else None
            yield Job(each, begin)

    def _limited(self, job: Job, seconds: float) -> Job:
        """The same training with its share of the time, and a folder for its checkpoints if they are kept."""
        each = replace(job.plan, training=replace(job.plan.training, max_seconds=seconds))
        folder = None if self.kept is None else self.kept.of(each, self.grid, self.ends, job.warm)
        return Job(each, job.warm, folder)


def _seeds_of(made: Sequence[Artefact]) -> tuple[int, ...]:
    """The number of trainings of each model."""
    return tuple(len(list(seeds)) for _, seeds in groupby(made, key=lambda one: one.plan.model))


def _unread(plan: Plan, grid: Grid) -> list[str]:
    """A remark on covariates that were given but that the model does not read."""
    given = [*grid.past_names, *grid.future_names, *grid.static_names, *(["holidays"] if plan.holidays else [])]
    if not given or plugins.load("models", plan.model).covariates:
        return []
    return [f"{plan.model} reads no covariates: {', '.join(given)} left out"]


def _seeds(settings: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The number of seeds, and the other settings."""
    rest = {key: value for key, value in settings.items() if key != "ensemble"}
    value = settings.get("ensemble", 1)
    if not str(value).isdigit() or int(value) < 1:
        raise ConfigError(f"--ensemble must be a whole number of at least 1, got {value}.")
    return int(value), rest


def own_settings(name: str, names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings for one of several models: without those that apply only to the others."""
    known = {each: _fields(each, settings.get("scale", "")) for each in {name, *names}}
    foreign = set().union(*known.values()) - known[name]
    if len(names) > 1 and plugins.load("models", name).memory != "state":
        foreign |= {"stream", "training.stream"}
    own = {key: key.removeprefix("model.").removeprefix("scale.") for key in settings}
    return {key: value for key, value in settings.items() if own[key] not in foreign}


def _fields(name: str, scale: str) -> set[str]:
    """Names of the settings of a model and of its scale, which is the given one or the model's default."""
    model = plugins.load("models", name)
    configs = model.Config, plugins.load("scales", scale or model.scale).Config
    return {field.name for config in configs for field in fields(config)}
