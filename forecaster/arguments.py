"""What is said of flags, in words of Python: `--train-until` is `train_until`, `--set size=m` is `settings={'size': 'm'}`."""

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from forecaster.errors import ForecasterError

__all__ = ["in_arguments", "told"]

Asked = ParamSpec("Asked")
Given = TypeVar("Given")

_SET = re.compile(r"--set (?P<key>[a-z][\w.]*)=(?P<value>[^\s,;:]*[^\s,;:.])")
_RENAMED = re.compile(r"(?P<commas>--decimal , )?--columns (?P<pairs>\S+), or rename (it|them)")
_FLAG = re.compile(r"--(?P<name>[a-z][a-z-]*)")


def in_arguments(function: Callable[Asked, Given]) -> Callable[Asked, Given]:
    """The function, whose errors name its arguments where they would name flags of the command line."""
    names = frozenset(inspect.signature(function).parameters)

    @wraps(function)
    def asked(*given: Asked.args, **named: Asked.kwargs) -> Given:
        try:
            return function(*given, **named)
        except ForecasterError as error:
            error.args = (told(str(error), names), *error.args[1:])
            raise

    return asked


def told(text: str, names: frozenset[str]) -> str:
    """A text with the names of arguments, as far as they are among `names`, in the place of flags."""
    text = _RENAMED.sub(_renamed, text)
    text = _SET.sub(r"settings={'\g<key>': '\g<value>'}", text) if "settings" in names else text
    return _FLAG.sub(lambda flag: _argument(flag["name"], names) or flag[0], text)


def _renamed(said: re.Match[str]) -> str:
    """`--columns ds=date` as what a frame can do."""
    pairs = ", ".join(
        f"'{theirs}': '{ours}'" for ours, theirs in (pair.split("=") for pair in said["pairs"].split(","))
    )
    return f"frame.rename(columns={{{pairs}}})" + (", with decimal points in its values" if said["commas"] else "")


def _argument(flag: str, names: frozenset[str]) -> str | None:
    """The argument of a flag; None where there is none."""
    name = "settings" if flag == "set" else flag.replace("-", "_")
    return name if name in names else None
