"""A training in a folder: all that a process elsewhere needs to run it, what it says meanwhile, and what it gives.

    job.safetensors   the plan, the rows and where they end
    warm/             the saved model to start from, if there is one
    state.safetensors, artefact.json, ...
                      its checkpoint, and the network once it is trained
    said.jsonl        lines and moments, for whoever waits
    failed.json       the error that ended it
    made/             the trained artefact
    ended             the exit status, where processes cannot be seen from here

All are safetensors and JSON: nothing that is read back can run code.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from forecaster import errors
from forecaster.errors import ConfigError, ForecasterError, SourceError
from forecaster.launch import _grid_values as grid_values
from forecaster.launch._last_words import ending
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training import nested, workers
from forecaster.training.artefact import DESCRIPTION, Artefact, versions
from forecaster.training.job import Job
from forecaster.training.plan import Plan
from forecaster.training.writing import writing

__all__ = ["Parcel"]


@dataclass(frozen=True)
class Parcel:
    """A training in a folder."""

    folder: Path

    @classmethod
    def pack(cls, folder: Path, job: Job, grid: Grid, ends: Ints) -> "Parcel":
        """Write a job, if that was not done before. Raises: ConfigError if the folder cannot be written"""
        parcel = cls(folder.absolute())
        if parcel._job.exists():
            return parcel
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if job.warm is not None:
                job.warm.save(folder / "warm")
            described = {"plan": job.plan.to_json(), "grid": grid_values.described(grid), "ends": torch.as_tensor(ends)}
            described["sent_by"] = versions()["forecaster"]
            nested.write(described, parcel._job)
        return parcel

    def forget(self) -> None:
        """Delete what an earlier attempt has said, so that only the next one is heard."""
        for file in (self.said, self._failed, self.ended, self.log):
            file.unlink(missing_ok=True)

    @property
    def _job(self) -> Path:
        return self.folder / "job.safetensors"

    @property
    def _failed(self) -> Path:
        return self.folder / "failed.json"

    @property
    def log(self) -> Path:
        """The file for what its processes print."""
        return self.folder / "log.txt"

    @property
    def said(self) -> Path:
        """The file of what it tells."""
        return self.folder / "said.jsonl"

    def unpacked(self) -> tuple[Job, Grid, Ints]:
        """The job, its rows, and where they end. Raises: ConfigError if another version of forecaster has packed it"""
        read = nested.read(self._job)
        there, here = read["sent_by"], versions()["forecaster"]
        if there != here:
            raise ConfigError(
                f"forecaster {there} sent this training, to a machine with {here}. Install {there} there."
            )
        warm = self.folder / "warm"
        begin = Artefact.load(warm) if (warm / DESCRIPTION).exists() else None
        job = Job(Plan.from_json(read["plan"]), begin, self.folder)
        return job, grid_values.restored(read["grid"]), read["ends"].numpy()

    def keep(self, members: list[Artefact]) -> None:
        """Write what the training gave."""
        first, *others = members
        first.joined(others).save(self.folder / "made")

    def made(self) -> list[Artefact] | None:
        """What the training gave; None if it has not ended well yet."""
        made = self.folder / "made"
        return list(Artefact.load(made).members) if (made / DESCRIPTION).exists() else None

    def fail(self, error: ForecasterError) -> None:
        """Write the error that ends it; one of them, if several workers do."""
        half = self.folder / f"failed.json.{workers.number()}"
        half.write_text(json.dumps({"kind": type(error).__name__, "text": str(error)}) + "\n")
        half.replace(self._failed)

    @property
    def ended(self) -> Path:
        """The file that is there once its processes have ended, where nobody here can see them."""
        return self.folder / "ended"

    def result(self, why: str = "") -> list[Artefact]:
        """What the training gave, now that it has ended; `why` is what is known of an end without a result.

        Raises: its error; SourceError if it left none
        """
        made = self.made()
        if made is not None:
            return made
        if self._failed.exists():
            raise _error(json.loads(self._failed.read_text()))
        raise SourceError(ending(f"the training in '{self.folder}' ended without a result", self.last_words(), why))

    def last_words(self, lines: int = 8) -> str:
        """The last lines that its processes printed."""
        try:
            said = self.log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return "\n".join(said[-lines:])


def _error(read: Mapping[str, str]) -> ForecasterError:
    """An error as it was raised elsewhere."""
    kind: type[ForecasterError] = getattr(errors, read["kind"], SourceError)
    return kind.__new__(kind, read["text"])  # some kinds would make a text of their own
