"""An opened project: store, registry, tracker and alerts, each where the project file says."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from forecaster import options, plugins
from forecaster.alerts.base import Alert
from forecaster.errors import ConfigError, did_you_mean
from forecaster.registry.base import Registry
from forecaster.scoring.incidents import Incidents
from forecaster.scoring.rules import TABLES, Rules
from forecaster.series.contract import Contract
from forecaster.series.frequency import parse_duration
from forecaster.series.source import Connector
from forecaster.settings import Pipeline, Settings
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.tracking.base import Tracker

__all__ = ["App"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class App:
    """What actions work with. Its parts are opened when they are first used."""

    settings: Settings

    @classmethod
    def open(cls, project: Path) -> "App":
        """Open the project of a file. Raises: ConfigError that names the wrong entry."""
        app = cls(Settings.load(project))
        wrong = app._wrong_parts()
        if wrong:
            raise ConfigError("\n".join(f"{project}: {line}" for line in wrong))
        return app

    def _wrong_parts(self) -> list[str]:
        """A message for each entry that names an unknown part, or an unknown rule."""
        settings = self.settings
        looks: list[Callable[[], object]] = [
            partial(_require_plugin, "registry", "registry", settings.registry),
            partial(_require_plugin, "tracking", "tracking", settings.tracking),
            *(partial(_require_plugin, "[alerts.*]", "alerts", name) for name in settings.alerts),
            partial(self.kept_since, datetime.now(UTC)),
        ]
        for one in settings.pipelines.values():
            where = f"pipeline '{one.name}'"
            named = [
                ("connectors", one.source),
                ("detectors", one.detector),
                *(("alerts", name) for name in one.alerts),
            ]
            named += [("models", model.strip()) for model in one.model.split(",") if one.model != "auto"]
            looks += [partial(_require_plugin, where, folder, name) for folder, name in named]
            looks += [
                partial(_require_rules, one),
                partial(Contract.of, one.contract, where=f"{where}, contract"),
                partial(Incidents.of, one.incidents, where),
            ]
        return [line for look in looks for line in _refusal(look)]

    @cached_property
    def lake(self) -> Lake:
        """Facts."""
        return Lake(self.settings.lake)

    @cached_property
    def ledger(self) -> Ledger:
        """Decisions."""
        return Ledger.open(self.settings.ledger)

    @cached_property
    def registry(self) -> Registry:
        """Models."""
        found: Registry = plugins.load("registry", self.settings.registry)(self.settings.registry_uri, self.artefacts)
        return found

    @cached_property
    def tracker(self) -> Tracker:
        """Run logs."""
        found: Tracker = plugins.load("tracking", self.settings.tracking)(self.settings.tracking_uri, self.artefacts)
        return found

    @property
    def artefacts(self) -> Path:
        """Folder of models and figures."""
        return Path(self.settings.artefacts)

    def kept_since(self, now: datetime) -> datetime | None:
        """From when on replaced rows are kept; None for ever. Raises: ConfigError for what is not a length of time"""
        length = self.settings.keep_revisions
        try:
            return now - timedelta(microseconds=parse_duration(length)) if length else None
        except ConfigError as error:
            raise ConfigError(f"keep_revisions: {error}") from error

    def as_of(self, known: datetime) -> datetime:
        """A time as of which something is read; the log warns if what was known then may be gone.

        Raises: ConfigError for a time to come, of which nobody knows what will be known then
        """
        now = datetime.now(UTC)
        if known > now:
            raise ConfigError(
                f"--as-of {known:%Y-%m-%dT%H:%MZ} is still to come: it is {now:%Y-%m-%dT%H:%MZ}. Leave it out to take all known now."
            )
        kept = self.kept_since(now)
        if kept is not None and known < kept:
            log.warning("as of %s: values that were replaced before %s may be gone (keep_revisions)", known, kept)
        return known

    def unknown_series(self, names: Sequence[str]) -> list[str]:
        """A line for each name that no series has, with the nearest one."""
        unknown = self.ledger.unknown_series(names)
        every = set(self.ledger.find_series()["unique_id"]) if unknown else set()
        return [f"no series is called '{name}'.{did_you_mean(name, every)}" for name in unknown]

    def connector(self, pipeline: Pipeline) -> Connector:
        """The pipeline's source. Raises: ConfigError for a wrong option."""
        found: Connector = _made("connectors", pipeline.source, pipeline.options)
        return found

    def contract(self, pipeline: Pipeline) -> Contract | None:
        """What the pipeline's rows must be; None where it says nothing."""
        if not pipeline.contract:
            return None
        return Contract.of(pipeline.contract, where=f"pipeline '{pipeline.name}', contract")

    def intake(self, pipeline: Pipeline) -> Intake:
        """The way of the pipeline's source into the store. Raises: ConfigError for a wrong option."""
        return Intake(
            self.lake,
            self.ledger,
            self.connector(pipeline),
            pipeline.name,
            self.contract(pipeline),
            prefix=pipeline.prefix,
            others=frozenset(self.settings.pipelines) - {pipeline.name},
        )

    def alert(self, name: str) -> Alert:
        """A way to tell people; its file, where the settings name none, lies with the project."""
        usual = getattr(plugins.load("alerts", name).Config, "path", "")
        place = {"path": str(self.settings.root / usual)} if usual else {}
        found: Alert = _made("alerts", name, place | self.settings.alerts.get(name, {}))
        return found


def _require_rules(one: Pipeline) -> None:
    """Raises: ConfigError for a rule of events that is none; tables that rules name are read when they are used."""
    Rules.of({name: value for name, value in one.rules.items() if name not in TABLES}, where=f"pipeline '{one.name}'")


def _refusal(look: Callable[[], object]) -> list[str]:
    """What it says, if it refuses."""
    try:
        look()
    except ConfigError as error:
        return [str(error)]
    return []


def _require_plugin(where: str, folder: str, name: str) -> None:
    """Raises: ConfigError that says where"""
    try:
        plugins.require(folder, name)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _made(folder: str, name: str, values: Mapping[str, Any]) -> Any:
    """A plug-in with its settings."""
    found = plugins.load(folder, name)
    return found(options.section(found.Config, values, name, f"{folder.removesuffix('s')} '{name}'"))
