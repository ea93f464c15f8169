"""Look whether a project's settings fit, and whether its sources answer, before anything runs."""

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
    live: Annotated[bool, "Also ask the sources, whether they answer and let us in."] = False,
    app: "App",
) -> Outcome:
    """Look whether all settings fit, and with --live whether the sources answer: every wrong one is named, in a line.

    Schedules, models and how they are trained, detectors and their rules, sources, alerts. Without --live nothing is asked over
    any network. Nothing is run or stored.
    """
    chosen = app.settings.chosen(pipeline)
    whole = of_project(app)
    found = {one.name: _problems(app, one, live) for one in chosen}
    said = "answers" if live else "has settings that fit; --live asks the source"
    lines = [*whole, *(line for problems in found.values() for line in problems)]
    lines += [f"{name}: {said}" for name, problems in found.items() if not problems]
    failed = bool(whole) + sum(bool(problems) for problems in found.values())
    return Outcome(lines, skipped=failed, facts={"problems": found, "project": whole})


def _problems(app: "App", one: "Pipeline", live: bool) -> list[str]:
    """Of its own settings, and of its source."""
    where = f"{app.settings.file.name}: pipelines.{one.name}: "
    return [*of_pipeline(app, one), *(where + problem for problem in _of_source(app, one, live))]


def _of_source(app: "App", one: "Pipeline", live: bool) -> list[str]:
    try:
        return app.connector(one).check(reach=live)
    except ForecasterError as error:
        return [str(error)]
