"""Look whether pipelines can read their sources, without reading them, and whether they can tell people."""

from typing import TYPE_CHECKING, Annotated

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
    """Look whether pipelines can read their sources: their settings, and with --live the sources themselves.

    The settings of their alerts, too. Without --live nothing is asked over any network.
    """
    import pandas as pd

    chosen = app.settings.chosen(pipeline)
    found = {one.name: _problems(app, one, live) for one in chosen}
    rows = [
        {"pipeline": one.name, "source": one.source, "problem": problem}
        for one in chosen
        for problem in found[one.name] or ["none"]
    ]
    failed = sum(bool(problems) for problems in found.values())
    said = "answers" if live else "has settings that fit; --live asks the source"
    lines = [f"{name}: {said}" for name, problems in found.items() if not problems]
    return Outcome(lines, pd.DataFrame(rows) if failed else None, skipped=failed, facts={"problems": found})


def _problems(app: "App", one: "Pipeline", live: bool) -> list[str]:
    """Of its source, and of its alerts."""
    return [*_of_source(app, one, live), *(problem for name in one.alerts for problem in _of_alert(app, name))]


def _of_source(app: "App", one: "Pipeline", live: bool) -> list[str]:
    try:
        return app.connector(one).check(reach=live)
    except ForecasterError as error:
        return [str(error)]


def _of_alert(app: "App", name: str) -> list[str]:
    try:
        app.alert(name)
    except ForecasterError as error:
        return [str(error)]
    return []
