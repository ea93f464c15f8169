"""`python -m tests.model_pages` writes docs/models.md from the models' own words, and the costs that the bench measured."""

import ast
import csv
import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

from forecaster import plugins

__all__ = ["COSTS", "PAGE", "page"]

ROOT = Path(__file__).parent.parent
PAGE, COSTS = ROOT / "docs" / "models.md", ROOT / "docs" / "model_costs.csv"

_HEAD = """# Models

Written by `make pages` from the docstrings in `forecaster/models/`; a test holds it to them. Used as `--model NAME`;
several with commas forecast by their median, `--ensemble N` takes N seeds of each, `auto` lets several vote
by how they did on rows held out.

All share what stands around a model: causal scales, seasonal anchors, a head, calibration ([ARCHITECTURE](../ARCHITECTURE.md)).
*Cost* is CPU time of a training step beside the LSTM's on hourly series (`make bench ROW=model_costs`; models that read windows by
themselves are trained on fewer cutoffs a step); *error* is MASE beside seasonal naive's on the last horizon of the M4 weekly and
hourly training parts, which the models did not see (`make bench ROW=models`, an hour).

"""
_MEMORY = {
    "state": "carries a state",
    "context": "reads a bounded past",
    "whole": "is fitted to each series, anew when it has doubled",
}


def page() -> str:
    """The whole page."""
    names = plugins.names("models")
    return _HEAD + _table(names) + "".join(f"\n{_model(name)}" for name in names)


def _table(names: tuple[str, ...]) -> str:
    costs = {row["model"]: row for row in csv.DictReader(COSTS.open())} if COSTS.exists() else {}
    lines = ["| model | what | memory | cost | error weekly | error hourly |", "|---|---|---|---|---|---|"]
    for name in names:
        cost = costs.get(name, {})
        measured = " | ".join(cost.get(key, "") or "-" for key in ("cost", "weekly", "hourly"))
        memory = _MEMORY[plugins.load("models", name).memory]
        lines.append(f"| [{name}](#{name}) | {plugins.summary('models', name).rstrip('.')} | {memory} | {measured} |")
    return "\n".join(lines) + "\n"


def _model(name: str) -> str:
    model = plugins.load("models", name)
    told = inspect.cleandoc(model.__doc__)
    sections = re.sub(r"^(Shapes|Units|Missing|Fails|Source):\s+", r"- **\1**: ", told, flags=re.MULTILINE)
    return f"## {name}\n\n{sections}\n" + _settings(model.Config)


def _settings(config: Any) -> str:
    fields = [(field, _meaning(config, field.name)) for field in dataclasses.fields(config)]
    if not fields:
        return "\nNothing to set.\n"
    lines = [f"| `{field.name}` | {field.default!r} | {meaning} |" for field, meaning in fields]
    return "\n| setting | default | |\n|---|---|---|\n" + "\n".join(lines) + "\n"


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


if __name__ == "__main__":
    PAGE.write_text(page())
