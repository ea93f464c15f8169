"""`python -m tests.model_pages` writes docs/models.md from the models' own words, and the costs that the bench measured."""

import csv
from pathlib import Path

from forecaster import plugins
from tests.plugin_words import section

__all__ = ["COSTS", "PAGE", "page"]

ROOT = Path(__file__).parent.parent
PAGE, COSTS = ROOT / "docs" / "models.md", ROOT / "docs" / "model_costs.csv"

_HEAD = """# Models

Written by `make pages` from the docstrings in `forecaster/models/`; a test holds it to them. Used as `--model NAME`;
several with commas forecast by their median, `--ensemble N` takes N seeds of each, whose median counts as one, `auto` lets
several vote by how they did on rows held out.

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
    return _HEAD + _table(names) + "".join(f"\n{section('models', name)}" for name in names)


def _table(names: tuple[str, ...]) -> str:
    measured_rows = COSTS.read_text().splitlines() if COSTS.exists() else []
    costs = {row["model"]: row for row in csv.DictReader(measured_rows)}
    lines = ["| model | what | memory | cost | error weekly | error hourly |", "|---|---|---|---|---|---|"]
    for name in names:
        cost = costs.get(name, {})
        measured = " | ".join(cost.get(key, "") or "-" for key in ("cost", "weekly", "hourly"))
        memory = _MEMORY[plugins.load("models", name).memory]
        lines.append(f"| [{name}](#{name}) | {plugins.summary('models', name).rstrip('.')} | {memory} | {measured} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
