"""Look whether a project's settings fit, and whether what they name answers, before anything runs."""

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

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
    sources, ledger, registry and tracking, which are not contacted otherwise, and names of series that two pipelines share. Nothing is run or stored.
    """
    chosen = app.settings.chosen(pipeline)
    whole = of_project(app)
    asked, silent = _asked(app) if live else ([], [])
    found = {one.name: _problems(app, one, live) for one in chosen}
    for one in chosen:
        found[one.name] += _twin(app, one)
    if live and len(app.settings.pipelines) > 1:
        _add_taken_names(app, [one for one in chosen if not found[one.name]], found)
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
    """Problems of its own settings, and of its source."""
    return [*of_pipeline(app, one), *(_where(app, one) + problem for problem in _of_source(app, one, live))]


def _twin(app: "App", one: "Pipeline") -> list[str]:
    """A line if an earlier pipeline reads the same series: it will have them."""
    from forecaster.store.owners import way_out

    for other in app.settings.pipelines.values():
        if other.name == one.name:
            return []
        if (other.source, other.options, other.prefix) == (one.source, one.options, one.prefix):
            return [f"{_where(app, one)}it reads what pipeline '{other.name}' reads. {way_out(one.name)}"]
    return []


def _add_taken_names(app: "App", chosen: "list[Pipeline]", found: dict[str, list[str]]) -> None:
    """Add a line for each pipeline whose source has series that another pipeline has, or that one before it will have."""
    from forecaster.store.ledger import Ledger
    from forecaster.store.owners import taken_names

    owners: dict[str, str] = {}
    with suppress(ForecasterError):  # said of the ledger itself
        if Ledger.answers(app.settings.ledger):
            known = app.ledger.find_series()
            owners = dict(zip(known["unique_id"], known["stream"], strict=True))
    for one in chosen:
        try:
            names = [one.prefix + info.unique_id for info in app.connector(one).discover()]
        except ForecasterError as error:
            found[one.name].append(f"{_where(app, one)}{error}")
            continue
        free = [name for name in names if owners.get(name) not in app.settings.pipelines]
        owners |= dict.fromkeys(free, one.name)
        taken = {name: owners[name] for name in names if owners[name] != one.name}
        if taken:
            found[one.name].append(_where(app, one) + taken_names(one.name, taken))


def _where(app: "App", one: "Pipeline") -> str:
    return f"{app.settings.file.name}: pipelines.{one.name}: "


def _of_source(app: "App", one: "Pipeline", live: bool) -> list[str]:
    try:
        return app.connector(one).check(reach=live)
    except ForecasterError as error:
        return [str(error)]
