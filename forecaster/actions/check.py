"""Look whether a project's settings fit, and whether what they name answers, before anything runs."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

from forecaster.actions import _shared_names
from forecaster.actions._covariates import roles_of, unknown_covariates
from forecaster.actions._wrong_settings import of_pipeline, of_project
from forecaster.actions.base import Outcome
from forecaster.errors import ForecasterError

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["check"]


def check(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    live: Annotated[
        bool, "Also ask the sources, the ledger, the registry and the tracking, whether they answer and let us in."
    ] = False,
    app: "App",
) -> Outcome:
    """Check all settings, and with --live whether sources and stores answer; reports every wrong one in a line.

    Checks schedules, models and their training, detectors and their rules, sources, and alerts; with --live, also
    sources, ledger, registry and tracking, which are not contacted otherwise, and names of series that two pipelines
    share. Nothing is run or stored.
    """
    chosen = app.settings.chosen(pipeline)
    whole = of_project(app)
    asked, silent = _asked(app) if live else ([], [])
    found = {one.name: _problems(app, one, live) for one in chosen}
    if live and len(app.settings.pipelines) > 1:
        for name, problem in _shared_names.of_sources(app, [one for one in chosen if not found[one.name]]):
            found[name].append(_where(app, name) + problem)
    said = "answers" if live else "has settings that fit; --live asks the source"
    lines = [*whole, *silent, *(line for problems in found.values() for line in problems)]
    lines += asked
    lines += [f"{name}: {said}" for name, problems in found.items() if not problems]
    failed = bool(whole + silent) + sum(bool(problems) for problems in found.values())
    return Outcome(lines, skipped=failed, facts={"problems": found, "project": [*whole, *silent]})


def _asked(app: "App") -> tuple[list[str], list[str]]:
    """Lines for the parts of the store: those that answer or are still to be created, and those that do not answer."""
    from forecaster.store.ledger import Ledger

    parts: dict[str, Callable[[], bool]] = {
        "ledger": lambda: Ledger.answers(app.settings.ledger),
        "registry": lambda: app.registry.answers(),
        "tracking": lambda: app.tracker.answers(),
    }
    said, silent = [], []
    for name, answers in parts.items():
        try:
            said.append(f"{name}: {'answers' if answers() else 'is not there yet; the first run makes it'}")
        except ForecasterError as error:
            key = name if name == "ledger" else f"{name}_uri"
            silent.append(f"{app.settings.file.name}: {key}: {error}")
    return said, silent


def _problems(app: "App", one: "Pipeline", live: bool) -> list[str]:
    """Problems of its own settings, of its source, and of its names."""
    others = [
        *_of_source(app, one, live),
        *_shared_names.of_settings(app, one),
        *(_of_covariates(app, one) if live else []),
    ]
    return [*of_pipeline(app, one), *(_where(app, one.name) + problem for problem in others)]


def _where(app: "App", name: str) -> str:
    return f"{app.settings.file.name}: pipelines.{name}: "


def _of_covariates(app: "App", one: "Pipeline") -> list[str]:
    """Covariates that no series has, once the pipeline's own series are known."""
    from forecaster.store.ledger import Ledger

    with suppress(ForecasterError):  # said of the ledger, or of the pipeline's settings
        if Ledger.answers(app.settings.ledger):
            return unknown_covariates(app, one, roles_of(one))
    return []


def _of_source(app: "App", one: "Pipeline", live: bool) -> list[str]:
    try:
        return app.connector(one).check(reach=live)
    except ForecasterError as error:
        return [str(error)]
