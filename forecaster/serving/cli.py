"""The command line: every verb in `actions/` is a command, its parameters are the flags.

Only the verb that was asked for is imported, so `forecaster --help` answers at once.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from forecaster import plugins
from forecaster.actions.base import DOOR_PARAMETERS, WHOLE, Outcome
from forecaster.errors import ConfigError, DiskError, ForecasterError, did_you_mean
from forecaster.listed import items
from forecaster.quiet import hush

__all__ = ["flag", "main"]

_POSITIONAL = ("event", "file", "folder", "pipeline", "query", "what")
"""Parameters that stand without a flag."""
_NUMBERS = {int: "a whole number", float: "a number"}
_SKIPPED, _REFUSED, _INTERRUPTED = 3, 2, 130
_SEVERAL = """Flags of several names take them with commas between, one with a comma in quotes: 'a,"b,c"'."""


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


def flag(parameter: str) -> str:
    """The flag of a parameter: `train_until` is `--train-until`, `set_` is `--set`."""
    return "--" + parameter.rstrip("_").replace("_", "-")


def _about() -> str:
    return "Forecasts and anomalies for sensor, financial and weather series: one causal pass, every cutoff."


def _takes_several(action: Callable[..., Outcome]) -> bool:
    """Whether a verb has a flag of several names."""
    hints = get_type_hints(action, include_extras=True, localns={"App": object})
    kinds = [get_args(hint) for hint in hints.values() if get_origin(hint) is Annotated]
    return any(list[str] in get_args(kind) and WHOLE not in marks for kind, *marks in kinds)


def _stub() -> None:
    """A command that was not asked for."""


def _command(action: Callable[..., Outcome]) -> Callable[..., None]:
    """A function that typer can read, around a verb."""
    hints = get_type_hints(action, include_extras=True, localns={"App": object})
    parameters, readers = [], {}
    for name, parameter in inspect.signature(action).parameters.items():
        if name in DOOR_PARAMETERS:
            continue
        annotation, default, read = _option(name, hints[name], parameter.default)
        readers[name] = read
        parameters.append(
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        )
    wanted = set(hints) & set(DOOR_PARAMETERS)
    if "app" in wanted:
        project = typer.Option("--project", help="Project file.", envvar="FORECASTER_PROJECT")
        parameters.append(
            inspect.Parameter(
                "project",
                inspect.Parameter.KEYWORD_ONLY,
                default=Path("forecaster.toml"),
                annotation=Annotated[Path, project],
            )
        )

    def command(**given: Any) -> None:
        project = given.pop("project") if "app" in wanted else None

        def arguments() -> dict[str, Any]:
            return {name: readers[name](value) for name, value in given.items()}

        _run(action, arguments, project, watched="watch" in wanted)

    command.__doc__ = action.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _option(name: str, hint: Any, default: Any) -> tuple[Any, Any, Callable[[Any], Any]]:
    """Annotation, default and reader of one parameter."""
    text, marks = "", list[str]()
    if get_origin(hint) is Annotated:
        hint, text, *marks = get_args(hint)
    if name in _POSITIONAL:
        argument = typer.Argument(help=text)
        return Annotated[hint, argument], default, lambda value: value
    is_one = get_origin(hint) in (None, Literal)
    kinds = [hint] if is_one else [kind for kind in get_args(hint) if kind is not type(None)]
    option = typer.Option(flag(name), help=text)
    origin = get_origin(kinds[0])
    if origin is dict:
        return Annotated[list[str] | None, option], default, _pairs
    if origin is list:
        (item,) = get_args(kinds[0])
        read = (lambda values: values or None) if WHOLE in marks else (lambda values: _split(name, values, item))
        return Annotated[list[str] | None, option], default, read
    if origin is Literal or kinds[0] in _NUMBERS:
        return _worded(name, kinds[0], text, default)
    return Annotated[hint, option], default, lambda value: value


def _worded(name: str, kind: Any, text: str, default: Any) -> tuple[Any, Any, Callable[[Any], Any]]:
    """An option of some words or a number, which typer takes as text: its own messages are those of its libraries."""
    words = get_args(kind) if get_origin(kind) is Literal else (kind.__name__,)
    option = typer.Option(flag(name), help=text, metavar=f"<{'|'.join(words)}>")
    is_given = default is not None and default is not inspect.Parameter.empty
    return (
        Annotated[str if default is inspect.Parameter.empty else str | None, option],
        str(default) if is_given else default,
        lambda value: None if value is None else _read(name, kind, value),
    )


def _read(name: str, kind: Any, value: str) -> Any:
    """The value of an option. Raises: ConfigError if it is none of the words, or no number"""
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            words = ", ".join(get_args(kind))
            raise ConfigError(
                f"{flag(name)}: expected one of {words}, got '{value}'.{did_you_mean(value, get_args(kind))}"
            )
        return value
    try:
        return kind(value)
    except ValueError as error:
        raise ConfigError(f"{flag(name)}: expected {_NUMBERS[kind]}, got '{value}'.") from error


def _pairs(values: list[str] | None) -> dict[str, Any] | None:
    from forecaster.options import parse

    return parse(values) if values else None


def _split(name: str, values: list[str] | None, item: Callable[[str], Any]) -> list[Any] | None:
    """Items with commas between, of an option that may also be given several times; one with a comma is in quotes."""
    if not values:
        return None
    value = ",".join(values)
    try:
        return list(map(item, items(value)))
    except ValueError as error:
        raise ConfigError(f"{flag(name)} {value}: expected numbers with commas between.") from error


def _run(
    action: Callable[..., Outcome], arguments: Callable[[], dict[str, Any]], project: Path | None, *, watched: bool
) -> None:
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
