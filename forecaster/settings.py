"""The project file `forecaster.toml`: where things are kept, and the pipelines with their schedules.

Environment variables win over the file: FORECASTER_LAKE, FORECASTER_LEDGER, FORECASTER_TRACKING,
FORECASTER_REGISTRY. Secrets are never in the file: a database URL may hold `${NAME}`, read from the environment.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from forecaster.errors import ConfigError, unknown_name

__all__ = ["DEFAULT_FILE", "Pipeline", "Ports", "Settings"]

DEFAULT_FILE = Path("forecaster.toml")
_SQLITE = "sqlite:///"
_DATABASES = (_SQLITE, "postgresql://", "postgresql+psycopg://")
_LAST_PORT = 65_535


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """One source and what is done with its series."""

    name: str
    source: str
    """File in `connectors/`."""
    options: dict[str, Any] = field(default_factory=dict)
    """Settings of the connector."""
    contract: dict[str, Any] = field(default_factory=dict)
    """What its rows must be, as in `series/contract.py`: mode, step, unit, range, duplicates, max_gap, stale, flat."""
    horizon: int
    """Steps to look ahead."""
    schedule: str = ""
    """When to ingest and score: `every 6h`, or a cron line in UTC; empty: by hand only."""
    train_schedule: str = ""
    """When to train and promote."""
    monitor_schedule: str = ""
    """When to judge the stored forecasts by the values that came (`forecaster monitor`)."""
    retrain: bool = False
    """Train and promote as well when that finds the champion worse than it promised."""
    model: str = "auto"
    """File in `models/`."""
    detector: str = "auto"
    """File in `detectors/`."""
    false_alarms: str = "1/1000-rows"
    """Alarms to accept on normal data."""
    rules: dict[str, Any] = field(default_factory=dict)
    """Rules of events, as in `scoring/rules.py`: direction, min_deviation, m, n, cool_down, maintenance, ..."""
    incidents: dict[str, Any] = field(default_factory=dict)
    """Which events are one incident, as in `scoring/incidents.py`: by, window."""
    judging: dict[str, Any] = field(default_factory=dict)
    """What scores become, as `--set` says it: threshold, "threshold.KEY", fdr."""
    season: list[int] = field(default_factory=list)
    """Seasons in steps; empty: found from the data."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Any setting that `--set` takes."""
    max_seconds: float = 180.0
    """Guard on one training."""
    alerts: list[str] = field(default_factory=list)
    """Files in `alerts/` that tell people of new events."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name):
            raise ConfigError(f"pipeline '{self.name}': a name has lower-case letters, digits, '-' and '_'.")
        if self.horizon < 1:
            raise ConfigError(f"pipeline '{self.name}': horizon must be at least 1, got {self.horizon}.")
        if not self.max_seconds > 0:
            raise ConfigError(f"pipeline '{self.name}': max_seconds must be positive, got {self.max_seconds}.")
        if not all(type(season) is int and season >= 1 for season in self.season):
            raise ConfigError(
                f"pipeline '{self.name}': season is a list of numbers of steps, each at least 1, such as [24, 168]; got {self.season}."
            )
        if not all(isinstance(alert, str) for alert in self.alerts):
            raise ConfigError(f"pipeline '{self.name}': alerts are names such as [\"jsonl\"], got {self.alerts}.")


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports on 127.0.0.1 that `forecaster up` uses; 0 takes any free one."""

    prefect: int = 4200
    mlflow: int = 5000
    rest: int = 8000
    dashboard: int = 8050

    def __post_init__(self) -> None:
        taken: dict[int, str] = {}
        for name, port in vars(self).items():
            if not 0 <= port <= _LAST_PORT:
                raise ConfigError(f"ports: '{name}' must lie in 0 to {_LAST_PORT}, got {port}; 0 takes any free one.")
            if port and port in taken:
                raise ConfigError(f"ports: '{taken[port]}' and '{name}' are both {port}. Give each a port of its own.")
            taken[port] = name


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A project."""

    file: Path
    """The project file; relative paths start at its folder."""
    name: str = "forecaster"
    lake: str = ".forecaster/lake"
    """Folder, or URL such as s3://bucket/prefix."""
    ledger: str = field(default="sqlite:///.forecaster/ledger.db", repr=False)
    """Database URL: sqlite:/// or postgresql+psycopg://."""
    tracking: str = "mlflow_tracking"
    """File in `tracking/`."""
    tracking_uri: str = field(default="sqlite:///.forecaster/mlflow.db", repr=False)
    registry: str = "mlflow_registry"
    """File in `registry/`."""
    registry_uri: str = field(default="sqlite:///.forecaster/mlflow.db", repr=False)
    maintain_schedule: str = "0 3 * * *"
    """When to put the lake in order."""
    keep_revisions: str = ""
    """How long rows are kept that newer ones replaced (values, forecasts, scores), such as `400D`; empty: for ever. The newest
    of each series and time always stays; reads as of an earlier time than that are no longer whole."""
    artefacts: str = ".forecaster/artefacts"
    """Folder of models and figures."""
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of each alert, by its name."""
    ports: Ports = field(default_factory=Ports)
    pipelines: dict[str, Pipeline] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """Folder of the project file."""
        return self.file.parent

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read a project file. Raises: ConfigError that names the wrong entry."""
        try:
            data = tomllib.loads(path.read_text())
        except FileNotFoundError as error:
            raise ConfigError(f"no project file '{path}'. Write one with: forecaster init") from error
        except (OSError, ValueError) as error:  # TOML and UTF-8 errors are ValueErrors
            raise ConfigError(f"cannot read '{path}': {error}") from error
        try:
            return cls.from_dict(data, path.resolve())
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], file: Path) -> "Settings":
        """From the data of a project file."""
        values = {**data}
        pipelines = {
            name: _built(Pipeline, {"name": name, **_section(body, f"pipelines.{name}")}, f"pipelines.{name}")
            for name, body in _section(values.pop("pipelines", {}), "pipelines").items()
        }
        ports = _built(Ports, _section(values.pop("ports", {}), "ports"), "ports")
        for name, body in _section(values.get("alerts", {}), "alerts").items():
            _section(body, f"alerts.{name}")
        for name in ("lake", "ledger", "tracking", "registry"):
            given = os.environ.get(f"FORECASTER_{name.upper()}")
            if given:
                values[f"{name}_uri" if name in ("tracking", "registry") else name] = given
        own: Settings = _built(cls, {"file": file, **values, "ports": ports, "pipelines": pipelines}, "top of the file")
        return own._placed()

    def pipeline(self, name: str) -> Pipeline:
        """A pipeline by its name. Raises: ConfigError with the nearest right name."""
        if name not in self.pipelines:
            raise unknown_name("pipeline", name, self.pipelines)
        return self.pipelines[name]

    def chosen(self, name: str | None) -> list[Pipeline]:
        """One pipeline, or all of them. Raises: ConfigError where there is none."""
        if name is not None:
            return [self.pipeline(name)]
        if not self.pipelines:
            raise ConfigError("the project file has no pipeline. Add a [pipelines.NAME] section.")
        return list(self.pipelines.values())

    def _placed(self) -> "Settings":
        """Paths made absolute, `${NAME}` read from the environment."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        for name in ("lake", "artefacts"):
            values[name] = _place(values[name], self.root)
        for name in ("ledger", "tracking_uri", "registry_uri"):
            values[name] = _place(_expanded(values[name]), self.root)
        if not values["ledger"].startswith(_DATABASES):
            kind, is_address, _ = values["ledger"].partition("://")
            found = f"it begins with '{kind}'" if is_address else "it has no '://'"
            raise ConfigError(f"'ledger' must begin with one of {', '.join(_DATABASES)}; {found}.")
        values["pipelines"] = {
            name: replace(one, options={key: _option(key, value, self.root) for key, value in one.options.items()})
            for name, one in self.pipelines.items()
        }
        values["alerts"] = {
            name: {k: _place(v, self.root) if k == "path" else v for k, v in body.items()}
            for name, body in self.alerts.items()
        }
        return Settings(**values)


def _built(kind: type, values: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a section of the file. Raises: ConfigError for unknown, missing or wrong entries."""
    known = {f.name: f for f in fields(kind)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{where}: {unknown_name('entry', name, known)}")
    types = get_type_hints(kind)
    for name, value in values.items():
        wanted = get_origin(types[name]) or types[name]
        if wanted in (int, float, str, list, dict) and (
            isinstance(value, bool) or not isinstance(value, (int, float) if wanted is float else wanted)
        ):
            raise ConfigError(f"{where}: '{name}' must be {wanted.__name__}, got {value!r}.")
    try:
        return kind(**values)
    except TypeError as error:
        missing = re.findall(r"'(\w+)'", str(error))
        raise ConfigError(f"{where}: missing {', '.join(missing) or error}.") from error


def _section(value: Any, where: str) -> dict[str, Any]:
    """A table of the file. Raises: ConfigError for anything else."""
    if not isinstance(value, dict):
        raise ConfigError(f"'{where}' must be a section [{where}], got {value!r}.")
    return value


def _option(key: str, value: Any, root: Path) -> Any:
    """An option of a connector: its path, or its file of SQLite, made absolute."""
    is_place = isinstance(value, str) and (key == "path" or value.startswith(_SQLITE))
    return _place(value, root) if value and is_place else value


def _place(text: str, root: Path) -> str:
    """A path, or an address of SQLite, from the project file's folder on."""
    if text.startswith(_SQLITE):
        return _SQLITE + _place(text.removeprefix(_SQLITE), root)
    return text if "://" in text or Path(text).is_absolute() else str(root / text)


def _expanded(text: str) -> str:
    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise ConfigError(f"environment variable {match.group(1)} is not set; the file refers to it.")
        return found

    return re.sub(r"\$\{(\w+)\}", value, text)
