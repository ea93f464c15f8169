"""Arguments of the Python door: each is made what its annotation says; `past="a,b"` is `past=["a", "b"]`."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce, wraps
from numbers import Integral, Number, Real
from operator import or_
from os import PathLike
from pathlib import Path
from types import NoneType
from typing import Any, ParamSpec, TypeVar, get_args

import numpy as np

from forecaster.errors import ConfigError, ForecasterError
from forecaster.listed import items
from forecaster.without_flags import told

__all__ = ["in_arguments"]

Asked = ParamSpec("Asked")
Given = TypeVar("Given")

_COLUMNS = {"channels", "future", "past", "static", "targets"}
_WHOLE = {"search"}
"""Arguments whose texts have commas of their own."""
_SUCH_AS = {"false_alarms": "'1/1000-rows'", "freq": "'15min'"}


def in_arguments(function: Callable[Asked, Given]) -> Callable[Asked, Given]:
    """The function, whose arguments are what their annotations say, and whose errors name them, not flags.

    One text or number stands for a list of one, a text with commas for a list of several as on the command line (`'a,"b,c"'`:
    a name with a comma is in quotes, or in a list), and a mapping within `settings` for keys with dots.

    Raises: ConfigError for an argument of another kind
    """
    parameters = inspect.signature(function).parameters
    names, places = frozenset(parameters), list(parameters)
    kinds = {name: _kind(name, parameter.annotation) for name, parameter in parameters.items()}
    checked: Callable[..., Given] = function

    def read(name: str, value: object) -> Any:
        kind = kinds.get(name)
        return kind.read(name, value) if kind else value

    @wraps(function)
    def asked(*given: Asked.args, **named: Asked.kwargs) -> Given:
        first = [*map(read, places, given), *given[len(places) :]]
        rest = {name: read(name, value) for name, value in named.items()}
        try:
            return checked(*first, **rest)
        except ForecasterError as error:
            error.args = (told(str(error), names), *error.args[1:])
            raise

    return asked


@dataclass(frozen=True)
class _Kind:
    """What an argument must be, in words, and what makes it of what was given; a TypeError says that it cannot."""

    words: str
    made: Callable[[Any], Any]
    may_be_none: bool = False

    def read(self, name: str, value: object) -> Any:
        """An argument as the function takes it. Raises: ConfigError for one of another kind"""
        if value is None and self.may_be_none:
            return None
        try:
            return self.made(value)
        except TypeError:
            raise ConfigError(f"{name} must be {self.words}, got {_found(value)}.") from None


def _kind(name: str, annotation: Any) -> _Kind | None:
    """The kind of an argument; None for one that is checked elsewhere, such as a frame."""
    parts = get_args(annotation)
    may_be_none = NoneType in parts
    wanted = reduce(or_, (part for part in parts if part is not NoneType)) if may_be_none else annotation
    words, made = _KINDS.get(wanted, ("", None))
    if name in _WHOLE:
        words, made = "a text, or a list of texts", _several(str, parted=False)
    elif name in _COLUMNS:
        words, made = "the name of a column, or a list of names", _several(str, Integral)
    elif inspect.isclass(wanted) and made is None and not getattr(wanted, "_is_protocol", False):
        words, made = f"a {wanted.__name__}, as `fit` and `load` return it", _one(wanted)
    such_as = f" such as {_SUCH_AS[name]}" if name in _SUCH_AS else ""
    return _Kind(words + such_as, made, may_be_none) if made else None


def _one(*kinds: type, turned: Callable[[Any], Any] = lambda value: value) -> Callable[[Any], Any]:
    """Takes one value of these kinds; True and False are no numbers."""

    def made(value: object) -> Any:
        if not isinstance(value, kinds) or (isinstance(value, bool) and not {bool, object} & {*kinds}):
            raise TypeError
        return turned(value)

    return made


def _several(*kinds: type, parted: bool = True) -> Callable[[Any], Any]:
    """Takes one value of these kinds, or several, or None for none; a text is one value, or, `parted`, those between its commas."""
    each = _one(*kinds)

    def made(value: Any) -> list[Any]:
        if isinstance(value, Mapping):
            raise TypeError
        if parted and str in kinds and isinstance(value, str) and "," in value:
            return items(value)
        return [each(one) for one in ([value] if isinstance(value, (str, *kinds)) else () if value is None else value)]

    return made


def _flat(settings: object) -> dict[str, Any]:
    """Settings by keys with dots: `{"rules": {"m": 2}}` is `{"rules.m": 2}`."""

    def leaves(under: str, mapping: Any) -> Iterator[tuple[str, Any]]:
        for key, value in _one(Mapping)(mapping).items():
            name = under + _one(str)(key)
            yield from leaves(f"{name}.", value) if isinstance(value, Mapping) else [(name, value)]

    return dict(leaves("", settings))


_KINDS: dict[Any, tuple[str, Callable[[Any], Any]]] = {
    bool: ("True or False", _one(bool, np.bool_, turned=bool)),
    int: ("a whole number", _one(Integral, turned=int)),
    float: ("a number", _one(Real, turned=float)),
    str: ("a text", _one(str)),
    str | Path: ("a path", _one(str, PathLike)),
    int | Sequence[int]: ("a whole number, or a list of them", _several(Integral)),
    float | str | Sequence[float | str]: ("a number, or a list of them", _several(Real, str)),
    Sequence[str]: ("a text, or a list of texts", _several(str)),
    Mapping[str, Any]: ("a mapping such as {'size': 's'}", _flat),
}
"""By annotation, without its None."""


def _found(value: object) -> str:
    """A value as it is written, or the name of its class where that says more."""
    is_plain = value is None or isinstance(value, str | Number | list | tuple | set | Mapping)
    return repr(value) if is_plain and len(repr(value)) <= 80 else type(value).__name__
