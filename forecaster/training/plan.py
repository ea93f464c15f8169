"""The plan of a run: all settings, given by the user or derived from the data, as one value that can be stored."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from forecaster import options, plugins
from forecaster.counted import counted
from forecaster.errors import ConfigError
from forecaster.series import seasonality
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.seasonality import LONGEST
from forecaster.training.choice import require_settings
from forecaster.training.effort import effort
from forecaster.training.lookback import lag_window, lookback, scale_steps
from forecaster.training.settings import Training

__all__ = ["Plan", "plan"]

_ALWAYS_AHEAD = 1_000
"""Steps that can be forecast however few rows there are, as naive forecasts can."""
_MOST_AHEAD = 10_000
"""Most steps of any forecast: the correlation of its errors is estimated for each pair of steps."""


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
    window = max(choice.window or lag_window(seen, horizon, ends), naive)
    window = max(window, 0 if choice.window else lookback(model, ends, seen))
    own["scale"] = {**scale_steps(choice.scale, seen, window), **own["scale"]}
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


def _seasons(grid: Grid, ends: Ints, asked: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Seasons, and the one for naive and MASE: as set, otherwise found in rows and step size. Raises: ConfigError"""
    if any(m < 1 for m in asked):
        raise ConfigError(f"--season must be at least 1, got {','.join(map(str, asked))}.")
    if asked:
        return tuple(sorted({m for m in asked if m > 1})), asked[0]
    found = seasonality.seasons(grid, ends)
    return found, grid.frequency.season if grid.frequency.season <= LONGEST else min(found, default=1)


def _joint(asked: bool, model: str, grid: Grid) -> bool:
    """Whether targets see each other's past; false for a model that reads each series alone."""
    if asked and grid.channel is None:
        raise ConfigError("--set joint=true needs several targets that see each other: name them with --targets A,B.")
    return asked and bool(plugins.load("models", model).covariates)


def _built(group: str, name: str, values: Mapping[str, Any], *rest: Any) -> Any:
    found = plugins.load(f"{group}s", name)
    return found(options.make(found.Config, values), *rest)
