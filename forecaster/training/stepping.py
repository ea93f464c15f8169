"""Incremental forecasts for the series of a grid: stored state, one new value each, new forecasts.

carried = Stepping.begin(artefact, grid)      # one pass over all rows so far
found = carried.step(values)                  # one value a series, NaN where there is none
carried.save(folder); carried = Stepping.load(folder, artefact)
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from forecaster.errors import ArtifactError
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.carried import Carried
from forecaster.training.reading import reading
from forecaster.training.walk import Forecasts
from forecaster.training.writing import writing

__all__ = ["Stepping"]

FORMAT = 2
_TENSORS, _DESCRIPTION = "state.safetensors", "state.json"


@dataclass
class Stepping:
    """The state of each series of a grid after its last value; a step equals the pass over all rows, to 1e-5.

    Raises: ArtifactError for models that cannot be advanced value by value (see `Carried`)
    """

    carried: Carried
    names: tuple[str, ...]
    starts: Ints
    """Time of each series' first row."""
    rows: Ints
    """Number of rows of each series so far."""

    @classmethod
    def begin(cls, artefact: Artefact, grid: Grid) -> "Stepping":
        """The state after all rows of a grid, computed by the pass."""
        names = tuple(grid.label(s) for s in range(grid.series))
        return cls(Carried.after(artefact, grid, both=False), names, grid.starts, grid.lengths)

    def step(self, values: Floats) -> Forecasts:
        """Take in one more value of each series, in the grid's order, and forecast from it.

        Shapes: values [S], NaN where missing
        """
        assert values.shape == self.starts.shape, (values.shape, self.starts.shape)
        every = np.arange(len(values))
        times = self.carried.artefact.frequency.times(self.starts, self.rows)
        found = self.carried.step(every, times, values)
        self.rows = self.rows + 1
        return Forecasts(every, self.rows - 1, found.adapted)

    def save(self, folder: Path) -> None:
        """Write it into a folder: safetensors and JSON. Raises: ConfigError when the folder cannot be written"""
        description = {
            "format": FORMAT,
            "artefact": self.carried.artefact.name,
            "names": self.names,
            "clock": self.carried.clock.to_json(),
        }
        tensors = {f"carried.{name}": value for name, value in self.carried.tensors().items()}
        tensors |= {"starts": torch.as_tensor(self.starts), "rows": torch.as_tensor(self.rows)}
        with writing(folder, "the state"):
            folder.mkdir(parents=True, exist_ok=True)
            save_file({name: value.contiguous() for name, value in tensors.items()}, folder / _TENSORS)
            (folder / _DESCRIPTION).write_text(json.dumps(description) + "\n")

    @classmethod
    def load(cls, folder: Path, artefact: Artefact) -> "Stepping":
        """Read it from a folder. Raises: ArtifactError when it is absent, damaged or another model's"""
        with reading(folder, "readable state", "Start again from the rows."):
            description = json.loads((folder / _DESCRIPTION).read_text())
            tensors = load_file(folder / _TENSORS)
            if description["artefact"] != artefact.name or description["format"] != FORMAT:
                raise ArtifactError(
                    f"the state in '{folder}' is that of {description['artefact']}, format {description['format']}, "
                    f"not of {artefact.name}, format {FORMAT}. Start again from the rows."
                )
            carried = Carried(artefact, Clock.from_json(description["clock"]), both=False)
            own = {k.removeprefix("carried."): value for k, value in tensors.items() if k.startswith("carried.")}
            carried.restore(own)
            return cls(carried, tuple(description["names"]), tensors["starts"].numpy(), tensors["rows"].numpy())
