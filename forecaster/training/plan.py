"""The plan of a run: all settings, given by the user or derived from the data, as one value that can be stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np

from forecaster import options, plugins
from forecaster.counted import counted
from forecaster.errors import ConfigError
from forecaster.series import seasonality
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.public_holidays import require_known
from forecaster.series.seasonality import LONGEST
from forecaster.training.effort import effort
from forecaster.training.how import Training

__all__ = ["Choice", "Plan", "Training", "held_out_series", "lookback", "plan", "require_settings"]

_LOOKBACKS = 12
"""A model gets its preferred lookback if series have at least this many times as many rows."""
_FURTHEST_BACK = 4_320
"""Maximum steps of a lookback, whatever the season: half a month of five-minute steps."""
_YEAR_OF_WEEKS = 52
_SHORT_SEASON = 24
_HELD_OUT_SERIES = 512
_ALWAYS_AHEAD = 1_000
"""Steps that can be forecast however few rows there are, as naive forecasts can."""
_MOST_AHEAD = 10_000
"""Most steps of any forecast: how its errors hang together is told for each pair of steps."""
_DRAW = 1
"""The same series for all seeds: no training of an ensemble may learn the rows that others are judged on."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The parts of a network."""

    window: int = 0
    """Lag window W in steps; 0 means: chosen from the data."""
    scale: str = ""
    """File in `scales/`; empty: as suits the model."""
    head: str = "quantile"
    """File in `heads/`."""
    adaptive: bool = True
    """Adapt the widths of forecasts to each series' recent errors."""
    holidays: str = ""
    """Countries, or regions of them, whose public holidays are features: US,DE-BY."""
    joint: bool = False
    """Let the targets of a series see each other's past."""

    def __post_init__(self) -> None:
        if self.window < 0:
            raise ValueError(f"window must not be negative, got {self.window}")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run as data: stored with the artefact, hashed for tracking."""

    model: str
    horizon: int
    step: str
    seasons: tuple[int, ...]
    """Season lengths in steps, the shortest first; empty if none was found."""
    season: int
    """Season length of the seasonal naive forecast and of MASE."""
    window: int
    scale: str
    head: str
    adaptive: bool
    holidays: str = ""
    joint: bool = False
    """Targets of one series see each other's past."""
    training: Training
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of `model`, `scale` and `head` that differ from the defaults."""

    @property
    def anchors(self) -> tuple[int, ...]:
        """Lags from which forecasts start: each season length, and 1 for the last value."""
        return tuple(dict.fromkeys([*(m for m in self.seasons if m <= self.window), 1]))

    @property
    def longest_season(self) -> int:
        """Steps of the longest season, 1 if there is none: missing values are filled by the one a season before."""
        return max(self.seasons, default=1)

    @property
    def digest(self) -> str:
        """A digest of the whole plan, twelve hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:12]

    def build(self, group: str, *rest: Any) -> Any:
        """The `model`, `scale` or `head` itself, from its plug-in and this plan's options."""
        return _built(group, getattr(self, group), self.options.get(group, {}), *rest)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return json.loads(json.dumps(asdict(self)))  # type: ignore[no-any-return]  # tuples become lists

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Plan":
        """From `to_json`'s data."""
        rest = {**data, "seasons": tuple(data["seasons"]), "training": Training(**data["training"])}
        return cls(**rest)

    def lines(self, *, held_out: bool = True) -> list[str]:
        """What was chosen, for the user to read; `held_out` says whether any series has rows enough to hold some out."""
        seasons = ", ".join(map(str, self.seasons)) or "none seen"
        shape = f"{self.training.steps} steps of {self.training.rows} stretches x {self.training.stretch} cutoffs, "
        model = plugins.load("models", self.model)
        apart = f"last {self.training.held_out} rows held out" if held_out else "too few rows to hold any out"
        snapshots = f"{self.training.snapshots} snapshots, " if self.training.snapshots else ""
        trained = f"training: {shape}{snapshots}{apart}, seed {self.training.seed}"
        fitted = f"fitted to each series separately, every cutoff uses all rows up to it; {apart}"
        naive = fitted if model.memory == "whole" else f"nothing to train, {apart}"
        seeing = ", targets see each other" if self.joint else ""
        return [
            f"model {self.model}, step {self.step}, horizon {self.horizon}{seeing}",
            f"seasons {seasons} (naive and MASE: {self.season}), lag window {self.window}",
            trained if model.learned else naive,
        ]


def plan(
    grid: Grid,
    ends: Ints,
    *,
    model: str,
    horizon: int,
    season: tuple[int, ...] = (),
    settings: Mapping[str, Any] | None = None,
) -> Plan:
    """A plan for a grid; what is not set is derived from the rows before `ends`. Shapes: ends [S]

    Raises: ConfigError for a horizon below 1 or far beyond the rows, an unknown name or a setting out of range
    """
    _require_horizon(horizon, ends)
    seen, naive = _seasons(grid, ends, season)
    choice, training, own = require_settings(settings or {}, model)
    made = plugins.load("models", model)
    window = max(choice.window or _window(seen, horizon, ends), naive)
    window = max(window, 0 if choice.window else lookback(model, ends, seen))
    own["scale"] = {**_scale_steps(choice.scale, seen, window), **own["scale"]}
    return Plan(
        model=model,
        horizon=horizon,
        step=grid.frequency.alias,
        seasons=seen,
        season=naive,
        window=window,
        scale=choice.scale,
        head=choice.head,
        adaptive=choice.adaptive,
        holidays=choice.holidays,
        joint=_joint(choice.joint, model, grid),
        training=effort(
            training,
            ends,
            horizon,
            parameters=_built("head", choice.head, own["head"]).parameters,
            alone=made.alone,
            repeats=2 * min(seen, default=window) <= window,
        ),
        options=own,
    )


def _require_horizon(horizon: int, ends: Ints) -> None:
    """Refuse a horizon below 1, and one longer than any series: nothing could be learnt of its last steps."""
    if horizon < 1:
        raise ConfigError(f"--horizon must be at least 1, got {horizon}.")
    rows = int(ends.max(initial=0))
    most = min(max(rows, _ALWAYS_AHEAD), _MOST_AHEAD)
    if horizon > most:
        raise ConfigError(
            f"--horizon {horizon} is too long: at most {most} steps, with {counted(rows, 'row')} to learn from in the "
            "longest series. Ask for fewer steps, or forecast rows of a longer step."
        )


def require_settings(settings: Mapping[str, Any], model: str) -> tuple[Choice, Training, dict[str, dict[str, Any]]]:
    """Settings as a choice of parts, a way to train, and the options of each part. Raises: ConfigError for a wrong one"""
    choice, training, own = _sorted(settings, model)
    _require_state(training, model)
    require_known(choice.holidays)
    return choice, training, own


def _seasons(grid: Grid, ends: Ints, asked: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Seasons, and the one for naive and MASE: as set, otherwise found in rows and step size. Raises: ConfigError"""
    if any(m < 1 for m in asked):
        raise ConfigError(f"--season must be at least 1, got {','.join(map(str, asked))}.")
    if asked:
        return tuple(sorted({m for m in asked if m > 1})), asked[0]
    found = seasonality.seasons(grid, ends)
    return found, grid.frequency.season if grid.frequency.season <= LONGEST else min(found, default=1)


def _sorted(settings: Mapping[str, Any], model: str) -> tuple[Choice, Training, dict[str, dict[str, Any]]]:
    choice = options.make(Choice, {k: v for k, v in settings.items() if k in ("scale", "head")})
    made_of = plugins.load("models", model)
    configs = {
        "plan": Choice,
        "model": made_of.Config,
        "scale": plugins.load("scales", choice.scale or made_of.scale).Config,
        "head": plugins.load("heads", choice.head).Config,
        "training": Training,
    }
    values = options.sort(settings, configs)
    made = {group: options.make(config, values[group]) for group, config in configs.items()}
    choice = replace(made["plan"], scale=choice.scale or made_of.scale)
    return choice, made["training"], {group: values[group] for group in ("model", "scale", "head")}


def _joint(asked: bool, model: str, grid: Grid) -> bool:
    """Whether targets see each other's past; false for a model that reads each series alone."""
    if asked and grid.channel is None:
        raise ConfigError("--set joint=true needs several targets that see each other: name them with --targets A,B.")
    return asked and bool(plugins.load("models", model).covariates)


def _require_state(training: Training, model: str) -> None:
    memory = plugins.load("models", model).memory
    if training.stream and memory != "state":
        raise ConfigError(
            f"--set stream=true needs a model that carries a state, but the memory of '{model}' is {memory}. "
            "Use lstm or another recurrent model, or leave stream out."
        )


def _built(group: str, name: str, values: Mapping[str, Any], *rest: Any) -> Any:
    found = plugins.load(f"{group}s", name)
    return found(options.make(found.Config, values), *rest)


def _window(seasons: tuple[int, ...], horizon: int, ends: Ints) -> int:
    """Lag window: the longest season (a year of weeks and a quarter), a few short ones, or the horizon."""
    typical = int(np.median(ends)) if len(ends) else 1
    longest, shortest = max(seasons, default=1), min(seasons, default=3)
    wanted = max(
        longest * 5 // 4 if longest == _YEAR_OF_WEEKS else longest,
        4 * shortest if shortest <= _SHORT_SEASON else shortest,
        horizon,
    )
    return int(np.clip(wanted, 1, max(1, min(LONGEST, typical // 2))))


def lookback(model: str, ends: Ints, seasons: tuple[int, ...]) -> int:
    """The lag window that a model prefers, if series are long enough for it, else 0.

    For long seasons it spans several whole seasons, as many as the length of the series allows. Shapes: ends [S]
    """
    made = plugins.load("models", model)
    room = int(np.median(ends)) // _LOOKBACKS if len(ends) else 0
    if room < made.lookback:
        return 0
    shortest = min(seasons, default=1)
    counted = min(made.seasons_back, min(room, _FURTHEST_BACK) // shortest)
    return int(max(made.lookback, counted * shortest))


def _scale_steps(scale: str, seasons: tuple[int, ...], window: int) -> dict[str, int]:
    """Window lengths of a scale's level and spread, for whichever of the two its Config has."""
    steps = {"level_steps": _level_steps(seasons, window), "spread_steps": window}
    return {f.name: steps[f.name] for f in fields(plugins.load("scales", scale).Config) if f.name in steps}


def _level_steps(seasons: tuple[int, ...], window: int) -> int:
    """Rows in the level's mean: a whole season, so that the level does not follow the season."""
    fitting = [m for m in seasons if m <= window]
    return min(fitting) if fitting else max(1, window // 2)


def held_out_series(ends: Ints, plan: Plan) -> Ints:
    """Series long enough to hold rows out: at least three times as many must remain for training."""
    usable = np.flatnonzero(ends >= 4 * plan.training.held_out)
    if len(usable) <= _HELD_OUT_SERIES:
        return usable
    return np.sort(np.random.default_rng(_DRAW).choice(usable, _HELD_OUT_SERIES, replace=False))
