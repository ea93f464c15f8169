"""What plug-ins say of themselves, as Markdown: their docstrings, and those under their settings."""

import ast
import dataclasses
import inspect
import re
from typing import Any

from forecaster import plugins

__all__ = ["said", "section", "settings"]


def section(folder: str, name: str) -> str:
    """A plug-in's part of a page: all of its docstring, and a table of its settings."""
    plugin = plugins.load(folder, name)
    told = inspect.cleandoc(plugin.__doc__)
    sections = re.sub(r"^(Shapes|Units|Missing|Fails|Source):\s+", r"- **\1**: ", told, flags=re.MULTILINE)
    lines = [f"| `{key}` | {default!r} | {meaning} |" for key, default, meaning in settings(plugin)]
    table = "| setting | default | |\n|---|---|---|\n" + "\n".join(lines) if lines else "Nothing to set."
    return f"## {name}\n\n{sections}\n\n{table}\n"


def said(folder: str, name: str, part: str) -> str:
    """One section of a plug-in's docstring (`Fails`) as one line; empty where it has none."""
    told = inspect.cleandoc(plugins.load(folder, name).__doc__)
    found = re.search(rf"^{part}:\s+(.*?)(?=^\w+:|\Z)", told, flags=re.MULTILINE | re.DOTALL)
    return " ".join(found.group(1).split()) if found else ""


def settings(plugin: Any) -> list[tuple[str, Any, str]]:
    """Name, default and meaning of all that can be set; nothing of a plug-in without a Config."""
    config = getattr(plugin, "Config", None)
    fields = dataclasses.fields(config) if config is not None else ()
    return [(field.name, field.default, _meaning(config, field.name)) for field in fields]


def _meaning(config: Any, name: str) -> str:
    """The docstring under a field, in the class that has it."""
    for owner in config.__mro__:
        if owner is object:
            continue
        body = ast.parse(inspect.cleandoc(inspect.getsource(owner))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, after in zip(body.body, body.body[1:], strict=False):
            named = isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and field.target.id == name
            if named and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                return " ".join(str(after.value.value).split())
    return ""
