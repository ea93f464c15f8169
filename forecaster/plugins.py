"""Finding things by file name: a plug-in is a file in a folder, and the file's name is its name.

Folders are packages, named as a reader would point at them: `"models"` is `forecaster/models/`,
`"connectors"` is `connectors/`. A plug-in file names one thing in its `__all__`.
"""

import ast
import importlib
import importlib.util
import pkgutil
from functools import cache
from pathlib import Path
from typing import Any

from forecaster.errors import MissingPackage, unknown_name

__all__ = ["FOLDERS", "load", "names", "require", "summary"]

FOLDERS = {
    "actions": "forecaster.actions",
    "aggregations": "forecaster.aggregations",
    "alerts": "forecaster.alerts",
    "anomaly_metrics": "forecaster.anomaly_metrics",
    "connectors": "connectors",
    "detectors": "forecaster.detectors",
    "heads": "forecaster.heads",
    "launch": "forecaster.launch",
    "metrics": "forecaster.metrics",
    "models": "forecaster.models",
    "registry": "forecaster.registry",
    "scales": "forecaster.scales",
    "thresholds": "forecaster.thresholds",
    "tracking": "forecaster.tracking",
}
"""Every plug-in folder, and the package that it is."""


@cache
def names(folder: str) -> tuple[str, ...]:
    """Names of the plug-ins in a folder, sorted; nothing is imported."""
    spec = importlib.util.find_spec(FOLDERS[folder])
    assert spec is not None, f"package {FOLDERS[folder]} is part of this project"
    found = pkgutil.iter_modules(spec.submodule_search_locations)
    return tuple(sorted(m.name for m in found if m.name != "base" and not m.name.startswith("_")))


def require(folder: str, name: str) -> None:
    """Nothing is imported. Raises: ConfigError for an unknown name, with the nearest right one"""
    if name.replace("-", "_") not in names(folder):
        raise unknown_name(_singular(folder), name, names(folder))


def load(folder: str, name: str) -> Any:
    """The one thing that a plug-in file names in its `__all__`.

    Raises: ConfigError for an unknown name (with the nearest right one), MissingPackage when the
        plug-in's optional package is absent.
    """
    require(folder, name)
    wanted = name.replace("-", "_")
    try:
        module = importlib.import_module(f"{FOLDERS[folder]}.{wanted}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] in {"forecaster", "connectors"}:
            raise
        raise MissingPackage(error.name, f"{_singular(folder)} '{name}'") from error
    exported = module.__all__
    assert len(exported) == 1, f"{module.__name__}: a plug-in names one thing in __all__, found {exported}"
    return getattr(module, exported[0])


def summary(folder: str, name: str) -> str:
    """First line of a plug-in's docstring, read without importing it."""
    spec = importlib.util.find_spec(FOLDERS[folder])
    assert spec is not None, FOLDERS[folder]
    path = Path(next(iter(spec.submodule_search_locations or ()))) / f"{name}.py"
    doc = ast.get_docstring(ast.parse(path.read_text())) or ""
    return doc.split("\n")[0]


def _singular(folder: str) -> str:
    return folder.removesuffix("s")
