"""A trained detector for series of one step, with the normal rows of each series it was trained on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from forecaster import columns, options, plugins
from forecaster.detectors.base import Detector
from forecaster.scoring.detect import detect_from
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.ragged import join_tables, split_tables
from forecaster.scoring.together import Together
from forecaster.series import frequency
from forecaster.series.clock import Clock
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["Calibrated"]

_ROWS, _TOGETHER, _LEARNED = "normal.safetensors", "together.safetensors", "learned"
_POOLED_ROWS = 500
"""Number of pooled normal rows given to a new series: few, so that its own rows soon count more."""


@dataclass(frozen=True)
class Calibrated:
    """What a detection saves for later ones on series of the same step."""

    detector: Detector
    frequency: Frequency
    clock: Clock | None
    """None if it was not trained on rows but made from a forecaster."""
    ends: Mapping[str, int]
    """Time of the last training row, for each series that has one."""
    normal: Mapping[str, Floats]
    """Normal rows [M, V] by series, and by whole for joined channels."""
    together: Mapping[str, Together] = field(default_factory=dict)
    """What was learnt about joined channels, by the name of the whole."""

    @classmethod
    def of(cls, found: Detected) -> "Calibrated":
        """From the result of a detection."""
        assert found.detector is not None, "a detector found it"
        grid, taught = found.grid, np.flatnonzero(found.train_ends > 0)
        last = grid.times(taught, np.minimum(found.train_ends, grid.lengths)[taught] - 1)
        ends = {grid.label(int(s)): int(time) for s, time in zip(taught, last, strict=True)}
        normal = {name: kept.normal for name, kept in found.kept.items()}
        together = {name: kept.together for name, kept in found.kept.items() if kept.together is not None}
        return cls(found.detector, grid.frequency, grid.clock, ends, normal, together)

    def detect(self, grid: Grid, how: Detection) -> Detected:
        """Detect on a grid; rows up to the end of a series' training count as training rows."""

        def normal(name: str, views_TV: Floats, members: Ints) -> Floats:
            return self.normal_of(name, views_TV.shape[1])

        return detect_from(grid, self._train_ends(grid), self.detector, normal, how, self.together)

    def normal_of(self, name: str, views: int) -> Floats:
        """Normal rows of a series; for a series not seen in training, a sample from all that were: [M, V]"""
        own = self.normal.get(name, self._pooled.get((_is_whole(name), views)))
        return np.zeros((0, views)) if own is None else own.copy()

    @cached_property
    def _pooled(self) -> dict[tuple[bool, int], Floats]:
        """A sample of the rows of all series, for wholes and for single series, and by the number of views."""
        rows: dict[tuple[bool, int], list[Floats]] = {}
        for name, one in self.normal.items():
            rows.setdefault((_is_whole(name), one.shape[1]), []).append(one)
        found = {}
        for kind, parts in rows.items():
            every = np.concatenate(parts)
            chosen = np.linspace(0, len(every) - 1, min(len(every), _POOLED_ROWS))
            found[kind] = every[chosen.astype(np.int64)]
        return found

    def _train_ends(self, grid: Grid) -> Ints:
        """Number of rows of each series that lie in its training part: [S]"""
        before = grid.starts - 1
        ends = [self.ends.get(grid.label(s), before[s]) for s in range(grid.series)]
        return grid.position_of(np.array(ends)) + 1

    def save(self, folder: Path) -> dict[str, Any]:
        """Write it into a folder; returns the rest of what `load` needs, as plain data."""
        assert self.clock is not None, "it was trained on rows"
        self.detector.save(folder / _LEARNED)
        folder.mkdir(parents=True, exist_ok=True)
        save_file(join_tables(self.normal), folder / _ROWS)
        save_file(join_tables({name: one.table() for name, one in self.together.items()}), folder / _TOGETHER)
        return {
            "detector": self.detector.name,
            "config": asdict(self.detector.config),
            "step": self.frequency.alias,
            "clock": self.clock.to_json(),
            "ends": self.ends,
        }

    @classmethod
    def load(cls, folder: Path, data: Mapping[str, Any]) -> "Calibrated":
        """From what `save` wrote and returned."""
        found = plugins.load("detectors", data["detector"])
        detector: Detector = found(options.make(found.Config, data["config"]))
        detector.load(folder / _LEARNED)
        normal = split_tables(load_file(folder / _ROWS))
        tables = split_tables(load_file(folder / _TOGETHER))
        together = {name: Together.from_table(table) for name, table in tables.items()}
        step, clock = frequency.parse(data["step"]), Clock.from_json(data["clock"])
        return cls(detector, step, clock, data["ends"], normal, together)


def _is_whole(name: str) -> bool:
    return name.endswith(f"/{columns.WHOLE}")
