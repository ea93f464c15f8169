"""A parameter of a verb as an argument or option of the command line, and its text there as a value."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from forecaster.actions.base import WHOLE
from forecaster.errors import ConfigError, did_you_mean
from forecaster.listed import items

__all__ = ["Option", "flag", "option"]

_POSITIONAL = ("event", "file", "folder", "pipeline", "query", "what")
"""Parameters that stand without a flag."""
_NUMBERS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class Option:
    """What typer is to take for a parameter, and how the verb gets its value."""

    annotation: Any
    default: Any
    read: Callable[[Any], Any] = lambda value: value
    """The parameter's value, of what typer took. Raises: ConfigError for a word or number that it does not know"""
    takes_names: bool = False
    """Whether it takes several names with commas between."""

    def parameter(self, name: str) -> inspect.Parameter:
        """As a part of a function's signature, which is what typer reads."""
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=self.default, annotation=self.annotation)


def flag(parameter: str) -> str:
    """The flag of a parameter: `train_until` is `--train-until`, `set_` is `--set`."""
    return "--" + parameter.rstrip("_").replace("_", "-")


def option(name: str, hint: Any, default: Any) -> Option:
    """The option of a parameter with this type, which may be annotated with its help."""
    text, marks = "", list[str]()
    if get_origin(hint) is Annotated:
        hint, text, *marks = get_args(hint)
    if name in _POSITIONAL:
        argument = typer.Argument(help=text)
        return Option(Annotated[hint, argument], default)
    is_one = get_origin(hint) in (None, Literal)
    kinds = [hint] if is_one else [kind for kind in get_args(hint) if kind is not type(None)]
    told = typer.Option(flag(name), help=text)
    origin = get_origin(kinds[0])
    if origin is dict:
        return Option(Annotated[list[str] | None, told], default, _pairs)
    if origin is list:
        (item,) = get_args(kinds[0])
        is_split = WHOLE not in marks
        read = (lambda values: _split(name, values, item)) if is_split else (lambda values: values or None)
        return Option(Annotated[list[str] | None, told], default, read, takes_names=is_split and item is str)
    if origin is Literal or kinds[0] in _NUMBERS:
        return _as_text(name, kinds[0], text, default)
    return Option(Annotated[hint, told], default)


def _as_text(name: str, kind: Any, text: str, default: Any) -> Option:
    """An option of some words or a number, which typer takes as text, so that the error messages are ours."""
    words = get_args(kind) if get_origin(kind) is Literal else (kind.__name__,)
    told = typer.Option(flag(name), help=text, metavar=f"<{'|'.join(words)}>")
    is_given = default is not None and default is not inspect.Parameter.empty
    return Option(
        Annotated[str if default is inspect.Parameter.empty else str | None, told],
        str(default) if is_given else default,
        lambda value: None if value is None else _read(name, kind, value),
    )


def _read(name: str, kind: Any, value: str) -> Any:
    """The value of a text. Raises: ConfigError if it is none of the words, or no number"""
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
    """Items with commas between, of an option that may also be repeated; an item that has a comma is in quotes."""
    if not values:
        return None
    value = ",".join(values)
    try:
        return list(map(item, items(value)))
    except ValueError as error:
        raise ConfigError(f"{flag(name)} {value}: expected numbers with commas between.") from error
