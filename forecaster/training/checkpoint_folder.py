"""Checkpoints of trainings, each in a folder named by its plan and data, so that a killed run can continue."""

import hashlib
import json
import os
import time
from pathlib import Path

from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact, versions
from forecaster.training.in_use import delete_unused
from forecaster.training.plan import Plan
from forecaster.training.writing import writing

__all__ = ["CheckpointFolder"]

_FORMAT = 2
"""Of checkpoints: those of another format are not continued."""
_DIGITS = 12
_NAMES = "*-" + "[0-9a-f]" * _DIGITS
_DAY_S = 86_400


class CheckpointFolder:
    """The folder for a run's checkpoints. Only what this run has put there is cleared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._used: list[Path] = []

    def of(self, plan: Plan, grid: Grid, ends: Ints, warm: Artefact | None) -> Path:
        """The folder of one training: the same plan on the same rows gives the same folder. Raises: ConfigError"""
        own = self.folder / f"{plan.model}-{_digest(plan, grid, ends, warm)}"
        with writing(self.folder):
            own.mkdir(parents=True, exist_ok=True)
        self._used.append(own)
        return own

    def clear(self) -> None:
        """Delete this run's checkpoints, once all its trainings are done; what another run still uses, that one does."""
        for own in self._used:
            delete_unused(own)

    def left(self, days: float) -> list[Path]:
        """Folders of this user's trainings in which nothing has happened for so many days."""
        before = time.time() - days * _DAY_S
        return [own for own in sorted(self.folder.glob(_NAMES)) if _is_mine_since(own, before)]


def _is_mine_since(folder: Path, before: float) -> bool:
    """Whether a folder is this user's and nothing was written in it after a time."""
    try:
        facts = [path.stat() for path in (folder, *folder.rglob("*"))]
    except OSError:  # a run is at work in it
        return False
    return facts[0].st_uid == os.getuid() and max(fact.st_mtime for fact in facts) < before


def _digest(plan: Plan, grid: Grid, ends: Ints, warm: Artefact | None) -> str:
    """A digest of all that the training depends on, dates included, since calendar features are made of them."""
    start = None if warm is None else [warm.plan.digest, warm.facts.rows]
    names = [grid.past_names, grid.future_names, grid.static_names, grid.static_labels]
    series = [[str(value) for value in column] for column in (grid.unique_id, grid.channel) if column is not None]
    described = [_FORMAT, plan.to_json(), start, versions(), grid.clock.to_json(), series, names]
    found = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    rows = (grid.starts, grid.offsets, grid.y, ends)
    covariates = (grid.covariate_starts, grid.covariate_lengths, grid.past, grid.future, grid.static)
    for array in (*rows, *covariates):
        found.update(array.tobytes())
    return found.hexdigest()[:_DIGITS]
