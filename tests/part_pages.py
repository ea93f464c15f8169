"""`python -m tests.part_pages` writes docs/detectors.md, launchers.md and parts.md from the words of what they list."""

from pathlib import Path

from forecaster import plugins
from tests.plugin_words import said, section, settings

__all__ = ["PAGES"]

_DOCS = Path(__file__).parent.parent / "docs"

_DETECTORS = """# Detectors

Written by `make pages` from the docstrings in `forecaster/detectors/`; a test holds it to them. Used as `--detector NAME`, settings
as `--set KEY=VALUE`. A detector says how strange each value is; what makes alarms and events of that is the same for all:
[thresholds](thresholds.md), [events](events.md). `forecaster evaluate FILE --detectors a,b` puts several beside each other on
labelled series; [experiments](experiments.md) has what was measured.

"""
_LAUNCHERS = """# Launchers

Written by `make pages` from the docstrings in `forecaster/launch/`; a test holds it to them. A launcher runs the trainings of
`forecast`, `backtest`, `leaderboard` and `train`, one for each model, seed and refit: `--set launch=NAME`, with settings
`--set launch.KEY=VALUE`; in a project file, under a pipeline:

```toml
[pipelines.water.settings]
launch = "slurm"
"launch.partition" = "gpu"
"launch.gpu" = true
"launch.workers" = 4        # GPUs that share each training
```

Where trainings run changes how long they take, and not what they give: workers draw the same stretches of the same series, each
computes its rows of every step, and gradients are the mean over all targets. Two workers and one agree to rounding; with
`dropout` each has chances of its own. A training that was killed continues from its checkpoint, with as many workers as there are then.
Worth it are several workers where a step is long (many rows, wide networks, GPUs); small networks learn faster as several trainings
at the same time, which is what `--model auto` and `--ensemble` are.

"""
_PARTS = """# Parts

Written by `make pages` from the docstrings of the files; a test holds it to them. Models and detectors have pages of their own:
[models](models.md), [detectors](detectors.md). Each part is a file of its name, with its mathematics and its source.
"""
_KINDS = {
    "metrics": "Every `backtest` and `leaderboard` has all of them; `--by NAME` orders a leaderboard.",
    "anomaly_metrics": "Every `evaluate` has all of them.",
    "scales": "`--set scale=NAME`, `--set scale.KEY=VALUE`. Units of a series at each step, from its past.",
    "heads": "`--set head=NAME`, `--set head.KEY=VALUE`. What the numbers of a network are the distribution of.",
    "thresholds": "`--set threshold=NAME`, `--set threshold.KEY=VALUE`; [which one when](thresholds.md).",
    "aggregations": "`--set aggregation=NAME`, `--set aggregation.KEY=VALUE`; [which one when](events.md#channels-together).",
}


def _detectors() -> str:
    names = plugins.names("detectors")
    lines = [
        f"| [{name}](#{name}) | {plugins.summary('detectors', name).rstrip('.')} | {_views(name)} |\n" for name in names
    ]
    sections = [f"\n{section('detectors', name)}" for name in names]
    return "".join([_DETECTORS, "| detector | what | an event is `found_by` |\n|---|---|---|\n", *lines, *sections])


def _views(name: str) -> str:
    """Names of a detector's views."""
    detector = plugins.load("detectors", name)
    return "; ".join(detector(detector.Config()).view_names)


def _parts() -> str:
    return _PARTS + "".join(_kind(folder, use) for folder, use in _KINDS.items())


def _kind(folder: str, use: str) -> str:
    """A table of one folder."""
    rows = [_row(folder, name) for name in plugins.names(folder)]
    told = ("name", "what", "fails", "settings") if any(row[-1] for row in rows) else ("name", "what", "fails")
    lines = ["| " + " | ".join(cells[: len(told)]) + " |\n" for cells in (told, ("---",) * len(told), *rows)]
    return f"\n## {folder.replace('_', ' ').capitalize()}\n\n`forecaster/{folder}/`. {use}\n\n{''.join(lines)}"


def _row(folder: str, name: str) -> tuple[str, ...]:
    asked = [
        f"`{key}` ({default}): {meaning.rstrip('.')}" for key, default, meaning in settings(plugins.load(folder, name))
    ]
    cells = (f"`{name}`", plugins.summary(folder, name).rstrip("."), said(folder, name, "Fails"), "; ".join(asked))
    return tuple(cell.replace("|", "\\|") for cell in cells)


def _launchers() -> str:
    return _LAUNCHERS + "\n".join(section("launch", name) for name in plugins.names("launch"))


PAGES = {_DOCS / "detectors.md": _detectors, _DOCS / "launchers.md": _launchers, _DOCS / "parts.md": _parts}
"""Each page, and what writes it."""


if __name__ == "__main__":
    for path, write in PAGES.items():
        path.write_text(write())
