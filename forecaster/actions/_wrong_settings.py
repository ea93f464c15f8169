"""Finds all wrong settings of a project file before anything runs; each gets a line with its file and key."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from forecaster.actions._covariates import roles_of
from forecaster.errors import ConfigError, ForecasterError

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["of_pipeline", "of_project", "require_right"]


def of_pipeline(app: "App", one: "Pipeline") -> list[str]:
    """Settings that its verbs would refuse for any rows; the source itself is checked by `check`."""
    section = f"pipelines.{one.name}"
    looks: list[tuple[str, Callable[[], object]]] = [
        (f"{section}.schedule", lambda: _timetable(one.schedule)),
        (f"{section}.train_schedule", lambda: _timetable(one.train_schedule)),
        (f"{section}.monitor_schedule", lambda: _timetable(one.monitor_schedule)),
        (f"{section}.false_alarms", lambda: _rate(one.false_alarms)),
        (f"{section}", lambda: roles_of(one)),
        (f"{section}.settings", lambda: _training(one)),
        (f"{section}.judging", lambda: _detector(app, replace(one, rules={}))),
        (f"{section}", lambda: _rules(app, replace(one, judging={}))),
        *((f"{section}.alerts", lambda name=name: app.alert(name).check()) for name in one.alerts),
    ]
    return list(_found(app, looks))


def of_project(app: "App") -> list[str]:
    """Wrong settings that belong to no pipeline."""
    used = {alert for one in app.settings.pipelines.values() for alert in one.alerts}
    looks: list[tuple[str, Callable[[], object]]] = [
        ("maintain_schedule", lambda: _timetable(app.settings.maintain_schedule)),
        *((f"alerts.{name}", lambda name=name: app.alert(name)) for name in app.settings.alerts if name not in used),
    ]
    return list(_found(app, looks))


def require_right(app: "App") -> None:
    """Check all settings. Raises: ConfigError with a line for each wrong one"""
    wrong = [*of_project(app), *(line for one in app.settings.pipelines.values() for line in of_pipeline(app, one))]
    if wrong:
        raise ConfigError("\n".join(wrong))


def _found(app: "App", looks: list[tuple[str, Callable[[], object]]]) -> Iterator[str]:
    for key, look in looks:
        try:
            look()
        except ForecasterError as error:
            said = str(error).removeprefix("--set: ").removeprefix("--set ").removeprefix("--false-alarms ")
            yield f"{app.settings.file.name}: {key}: {said}"


def _timetable(text: str) -> None:
    from forecaster.series.timetable import cron, interval

    if text.strip() and interval(text) is None:
        cron(text)


def _rate(text: str) -> None:
    """Check a rate, with the shortest step, for which any valid rate is accepted."""
    from forecaster.scoring.rate import alarms_per_row
    from forecaster.series.frequency import parse

    alarms_per_row(text, parse("us"))


def _training(one: "Pipeline") -> None:
    from forecaster.series.roles import Roles
    from forecaster.training.recipe import require_recipe

    for role in Roles.__dataclass_fields__:
        if role in one.settings:
            where = "a pipeline's series have one value each" if role == "targets" else "it stands beside 'horizon'"
            raise ConfigError(f"{role}: {where}.")
    require_recipe(one.model, {"training.max_seconds": one.max_seconds, **one.settings})


def _detector(app: "App", one: "Pipeline") -> None:
    """Check the detector, its threshold, and its aggregation."""
    from forecaster.actions._looking import how_of
    from forecaster.scoring.fitting import configured

    how = how_of(app, one)
    configured(how.detector, how.settings)
    how.require_causal()


def _rules(app: "App", one: "Pipeline") -> None:
    """Check the rules and the tables they name, with times as in the lake."""
    from forecaster.actions._looking import how_of
    from forecaster.scoring.maintenance import Maintenance
    from forecaster.series.clock import Clock

    Maintenance.of(how_of(app, one).rules.maintenance, Clock("datetime64[us, UTC]", UTC))
