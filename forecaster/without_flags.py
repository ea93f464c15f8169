"""What is said of flags, in words of Python: `--train-until` is `train_until`, `--set size=m` is `settings={'size': 'm'}`."""

import re

__all__ = ["told"]

_COMMAND = re.compile(r"((?:(?:^|: |`)|(?<=[Rr]un ))forecaster [a-z]+\b.*?(?=[.;!?](?:\s|$)|`|$))", re.MULTILINE)
_SET = re.compile(r"--set (?P<key>[a-z][\w.]*)=(?P<value>[^\s,;:]*[^\s,;:.])")
_RENAMED = re.compile(r"(?P<commas>--decimal , )?--columns (?P<pairs>\S+), or rename (it|them)")
_FLAG = re.compile(r"--(?P<name>[a-z][a-z-]*)")


def told(text: str, names: frozenset[str]) -> str:
    """A text with the names of arguments, as far as they are among `names`, in the place of flags but those of commands."""
    parts = enumerate(_COMMAND.split(text))
    return "".join(part if number % 2 else _without_flags(part, names) for number, part in parts)


def _without_flags(text: str, names: frozenset[str]) -> str:
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
