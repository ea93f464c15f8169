"""The command line: every verb in `actions/` is a command, its parameters are the flags.

Only the verb that was asked for is imported, so `forecaster --help` answers at once.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from forecaster import plugins
from forecaster.actions.base import DOOR_PARAMETERS, Outcome
from forecaster.errors import DiskError, ForecasterError
from forecaster.quiet import hush
from forecaster.serving.flags import Option, option

__all__ = ["main"]

_SKIPPED, _REFUSED, _INTERRUPTED = 3, 2, 130
"""Exit codes."""
_SEVERAL = """Flags of several names take them with commas between, one with a comma in quotes: 'a,"b,c"'."""
_PROJECT = Option(
    Annotated[Path, typer.Option("--project", help="Project file.", envvar="FORECASTER_PROJECT")],
    Path("forecaster.toml"),
)


def main() -> None:
    """Entry point of the command `forecaster`."""
    hush()
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        help=_about(),
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )
    app.callback()(lambda: None)
    for name in plugins.names("actions"):
        command = name.replace("_", "-")
        chosen = asked in (name, command)
        if chosen:
            action = plugins.load("actions", name)
            app.command(command, epilog=_SEVERAL if _takes_several(action) else None)(_command(action))
        else:
            app.command(command, help=plugins.summary("actions", name))(_stub)
    app()


def _about() -> str:
    return "Forecasts and anomalies for sensor, financial and weather series: one causal pass, every cutoff."


def _takes_several(action: Callable[..., Outcome]) -> bool:
    """Whether a verb has a flag of several names."""
    options, _ = _options(action)
    return any(one.takes_names for one in options.values())


def _stub() -> None:
    """A command that was not asked for."""


def _command(action: Callable[..., Outcome]) -> Callable[..., None]:
    """A function that typer can read, around a verb."""
    options, for_door = _options(action)

    def command(**given: Any) -> None:
        project = given.pop("project") if "app" in for_door else None

        def arguments() -> dict[str, Any]:
            return {name: options[name].read(value) for name, value in given.items()}

        _run(action, arguments, project, watched="watch" in for_door)

    shown = {**options, "project": _PROJECT} if "app" in for_door else options
    parameters = [one.parameter(name) for name, one in shown.items()]
    command.__doc__ = action.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    command.__annotations__ = {one.name: one.annotation for one in parameters}
    return command


def _options(action: Callable[..., Outcome]) -> tuple[dict[str, Option], set[str]]:
    """The options of a verb by parameter, and those of its parameters that the door sets."""
    hints = get_type_hints(action, include_extras=True, localns={"App": object})
    parameters = inspect.signature(action).parameters
    for_door = set(DOOR_PARAMETERS) & set(parameters)
    own = [one for name, one in parameters.items() if name not in for_door]
    return {one.name: option(one.name, hints[one.name], one.default) for one in own}, for_door


def _run(
    action: Callable[..., Outcome], arguments: Callable[[], dict[str, Any]], project: Path | None, *, watched: bool
) -> None:
    """Run a verb, show its outcome or why it failed, and leave with the exit code of that."""
    from forecaster.serving.screen import Screen

    screen = Screen()
    try:
        given = arguments()
        if watched:
            given["watch"] = screen
        if project is not None:
            from forecaster.app import App

            given["app"] = App.open(project)
        outcome = action(**given)
    except ForecasterError as error:
        screen.fail(str(error))
        raise typer.Exit(_REFUSED) from error
    except KeyboardInterrupt as error:
        screen.fail("interrupted")
        raise typer.Exit(_INTERRUPTED) from error
    except Exception as error:
        if not DiskError.among(error):
            raise
        screen.fail(f"a disk is full, or may not be used: {error}")
        raise typer.Exit(_REFUSED) from error
    finally:
        screen.close()
    screen.show(outcome)
    if outcome.skipped:
        raise typer.Exit(_SKIPPED)
