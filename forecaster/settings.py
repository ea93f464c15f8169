"""The project file `forecaster.toml`: where data and models are stored, and the pipelines with their schedules.

The environment variables FORECASTER_LAKE, FORECASTER_LEDGER, FORECASTER_TRACKING and FORECASTER_REGISTRY override the
file. Passwords do not belong in the file: write `${NAME}` in a database URL, and it is replaced by the environment
variable of that name.
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
    """A data source, and how its series are read, forecast and checked for anomalies."""

    name: str
    """Name of the pipeline: lower-case letters, digits, '-' and '_'."""
    source: str
    """Connector that reads the source: the name of a file in `connectors/`, such as "files"."""
    options: dict[str, Any] = field(default_factory=dict)
    """Settings of the connector."""
    prefix: str = ""
    """Comes before the names of its series, such as "north/", where another pipeline's series are called the same."""
    contract: dict[str, Any] = field(default_factory=dict)
    """Conditions that new rows must meet: mode, step, unit, range, duplicates, max_gap, stale, flat
    (`series/contract.py`)."""
    horizon: int
    """Number of steps to forecast; 0 for series that are only read, as covariates of others."""
    schedule: str = ""
    """When to read the source and to score, such as "every 6h", or a cron line in UTC. Empty: no schedule."""
    train_schedule: str = ""
    """When to train and to promote; written like `schedule`."""
    monitor_schedule: str = ""
    """When to judge the stored forecasts by the values that came, and to count alarms (`forecaster monitor`); written like `schedule`."""
    retrain: bool = False
    """Whether that trains and promotes, too, if the champion's forecasts have become worse than it promised."""
    past: list[str] = field(default_factory=list)
    """Other series that forecasts read up to their cutoff, such as "weather/pressure"; `{series}` and `{entity}` stand for
    the name of each series and what it belongs to (`docs/covariates.md`)."""
    future: list[str] = field(default_factory=list)
    """Other series that are known in advance, such as "{entity}/promo": plans, issued weather forecasts."""
    static: list[str] = field(default_factory=list)
    """Facts of each series that forecasts read: tags of its source, such as "region", or domain, entity, channel, unit."""
    model: str = "auto"
    """Forecasting model: "auto", or the name of a file in `models/`."""
    detector: str = "auto"
    """Anomaly detector: "auto", or the name of a file in `detectors/`."""
    false_alarms: str = "1/1000-rows"
    """Rate of false alarms to accept on normal data, such as "1/1000-rows" or "1/series-week"."""
    rules: dict[str, Any] = field(default_factory=dict)
    """Rules that decide which alarms become events: direction, min_deviation, m, n, cool_down, maintenance and others
    (`scoring/rules.py`)."""
    incidents: dict[str, Any] = field(default_factory=dict)
    """Which events belong to the same incident: by, window (`scoring/incidents.py`)."""
    judging: dict[str, Any] = field(default_factory=dict)
    """How scores become alarms; the keys are those of `--set`: threshold, "threshold.KEY", fdr."""
    season: list[int] = field(default_factory=list)
    """Lengths of the seasons, in steps, such as [24, 168]. Empty: found from the data."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Further settings of the training; the keys are those of `--set`."""
    max_seconds: float = 180.0
    """Time limit for one training, in seconds of processor time."""
    alerts: list[str] = field(default_factory=list)
    """Alerts that are sent for new events: names of files in `alerts/`, such as ["jsonl"]."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", self.name):
            raise ConfigError(f"pipeline '{self.name}': a name has lower-case letters, digits, '-' and '_'.")
        if self.horizon < 0:
            raise ConfigError(
                f"pipeline '{self.name}': horizon must be at least 1, or 0 for series that are only read; got {self.horizon}."
            )
        if not self.max_seconds > 0:
            raise ConfigError(f"pipeline '{self.name}': max_seconds must be positive, got {self.max_seconds}.")
        if not all(type(season) is int and season >= 1 for season in self.season):
            raise ConfigError(
                f"pipeline '{self.name}': season is a list of numbers of steps, each at least 1, such as [24, 168]; got {self.season}."
            )
        for key, sample in (
            ("alerts", "jsonl"),
            ("past", "weather/pressure"),
            ("future", "{entity}/promo"),
            ("static", "region"),
        ):
            if not all(isinstance(name, str) and name for name in getattr(self, key)):
                raise ConfigError(
                    f"pipeline '{self.name}': {key} is a list of names such as [\"{sample}\"], got {getattr(self, key)}."
                )


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Ports on 127.0.0.1 that `forecaster up` uses; 0 means any free port."""

    prefect: int = 4200
    """Prefect's server, which runs the schedules."""
    mlflow: int = 5000
    """MLflow's pages, with runs and models."""
    rest: int = 8000
    """REST API."""
    dashboard: int = 8050
    """Dashboard."""

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
    """The settings of a project."""

    file: Path
    """The project file. Relative paths in it start at its folder."""
    name: str = "forecaster"
    """Name of the project, shown in reports."""
    lake: str = ".forecaster/lake"
    """Where observations, forecasts and scores are stored: a folder, or a URL such as s3://bucket/prefix, which is reached by
    the environment variables AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL and so on."""
    ledger: str = field(default="sqlite:///.forecaster/ledger.db", repr=False)
    """Database of series, runs and events: a URL that begins with sqlite:/// or postgresql+psycopg://."""
    tracking: str = "mlflow_tracking"
    """Where training runs are recorded: the name of a file in `tracking/`."""
    tracking_uri: str = field(default="sqlite:///.forecaster/mlflow.db", repr=False)
    """Address of that tracking store."""
    registry: str = "mlflow_registry"
    """Where versions of models are registered: the name of a file in `registry/`."""
    registry_uri: str = field(default="sqlite:///.forecaster/mlflow.db", repr=False)
    """Address of that registry."""
    maintain_schedule: str = "0 3 * * *"
    """When to maintain the lake (merge small files, delete unused ones); a cron line in UTC, or such as "every 1D"."""
    keep_revisions: str = ""
    """How long to keep values, forecasts and scores that a newer row has replaced, such as "400D". Empty: for ever. The
    newest row of each series and time is always kept. Reads as of a time before this limit may lack rows."""
    artefacts: str = ".forecaster/artefacts"
    """Folder for models and figures."""
    alerts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of each alert, by its name."""
    ports: Ports = field(default_factory=Ports)
    """Ports that `forecaster up` uses."""
    pipelines: dict[str, Pipeline] = field(default_factory=dict)
    """The pipelines, by their names."""

    @property
    def root(self) -> Path:
        """Folder of the project file."""
        return self.file.parent

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read a project file. Raises: ConfigError that names the wrong entry"""
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
        """A pipeline by its name. Raises: ConfigError for an unknown name, with the most similar known one"""
        if name not in self.pipelines:
            raise unknown_name("pipeline", name, self.pipelines)
        return self.pipelines[name]

    def chosen(self, name: str | None) -> list[Pipeline]:
        """The pipeline of a name; all pipelines for None. Raises: ConfigError if the project has no pipeline"""
        if name is not None:
            return [self.pipeline(name)]
        if not self.pipelines:
            raise ConfigError("the project file has no pipeline. Add a [pipelines.NAME] section.")
        return list(self.pipelines.values())

    def forecasting(self, name: str | None) -> list[Pipeline]:
        """The same, of pipelines that forecast. Raises: ConfigError for a name of one that only reads, too"""
        chosen = [one for one in self.chosen(name) if one.horizon]
        if not chosen:
            who = f"pipeline '{name}' only reads its" if name else "every pipeline only reads its"
            raise ConfigError(f"{who} series: horizon is 0.")
        return chosen

    def _placed(self) -> "Settings":
        """The same settings with absolute paths, and with `${NAME}` replaced by environment variables."""
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
    """A dataclass from a section of the file. Raises: ConfigError for unknown, missing or wrong entries"""
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
    """A section of the file, as a dict. Raises: ConfigError for any other value"""
    if not isinstance(value, dict):
        raise ConfigError(f"'{where}' must be a section [{where}], got {value!r}.")
    return value


def _option(key: str, value: Any, root: Path) -> Any:
    """An option of a connector; a relative path, or a relative path of an SQLite file, becomes absolute."""
    is_place = isinstance(value, str) and (key == "path" or value.startswith(_SQLITE))
    return _place(value, root) if value and is_place else value


def _place(text: str, root: Path) -> str:
    """A path, or the URL of an SQLite file, as an absolute path; relative ones start at the project file's folder."""
    if text.startswith(_SQLITE):
        return _SQLITE + _place(text.removeprefix(_SQLITE), root)
    return text if "://" in text or Path(text).is_absolute() else str(root / text)


def _expanded(text: str) -> str:
    """A text with `${NAME}` replaced by environment variables. Raises: ConfigError for one that is not set"""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match.group(1))
        if found is None:
            raise ConfigError(f"environment variable {match.group(1)} is not set; the file refers to it.")
        return found

    return re.sub(r"\$\{(\w+)\}", value, text)
