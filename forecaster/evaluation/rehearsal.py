"""A rehearsal: a model by the same plan, trained only on the rows before the test part, and judged on that part.

It is stored with the model that is trained on all rows. Promotion compares rehearsals, because no model may be judged
on rows that it was trained on; anomalies are scored with rehearsals for the same reason.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from forecaster.evaluation.backtest import backtest, test_starts
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.progress import SILENT, Watch
from forecaster.scoring.forecaster import Forecaster, train
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.reading import reading
from forecaster.training.writing import writing

__all__ = ["Rehearsal", "rehearse"]

_FILE = "rehearsal.json"


@dataclass(frozen=True)
class Rehearsal:
    """A forecaster that was not trained on the test part, and where that part begins."""

    forecaster: Forecaster
    starts: Mapping[str, Mapping[str, int]]
    """By step: first test time of each series, as its clock encodes it."""
    as_of: datetime
    """The observations it was trained on are those known then."""

    def matched(self, checked: Checked) -> Iterator[tuple[Grid, Artefact, Ints]]:
        """Each grid whose step is known with its artefact, and where its test part begins: positions [S].

        All rows of a new series are test rows.
        """
        for grid, artefact in self.forecaster.matched(checked):
            known = self.starts.get(artefact.plan.step, {})
            times = np.array([known.get(grid.label(s), grid.starts[s]) for s in range(grid.series)], np.int64)
            yield grid, artefact, np.clip(grid.frequency.positions(times, grid.starts), 0, grid.lengths)

    def judge(self, checked: Checked, stride: int = 1) -> Scoreboard:
        """Every metric on the test part."""
        return Scoreboard.joined(
            [backtest(artefact, grid, starts, stride=stride) for grid, artefact, starts in self.matched(checked)]
        )

    def save(self, folder: Path) -> None:
        """Write it into a folder. Raises: ConfigError if it cannot be written"""
        self.forecaster.save(folder)
        with writing(folder, "the rehearsal"):
            (folder / _FILE).write_text(json.dumps({"as_of": self.as_of.isoformat(), "starts": self.starts}) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Rehearsal":
        """Read it from a folder. Raises: ArtifactError if it is absent or damaged"""
        forecaster = Forecaster.load(folder)
        with reading(folder, "readable rehearsal", "Train the pipeline again."):
            data = json.loads((folder / _FILE).read_text())
            starts = data["starts"]
            if isinstance(starts, list):  # by position, before 0.1.0
                starts = {a.plan.step: known for a, known in zip(forecaster.artefacts, starts, strict=True)}
            return cls(forecaster, starts, datetime.fromisoformat(data["as_of"]))


def rehearse(
    checked: Checked,
    *,
    model: str,
    horizon: int,
    as_of: datetime,
    season: list[int] | None = None,
    settings: Mapping[str, Any] | None = None,
    watch: Watch = SILENT,
) -> Rehearsal:
    """Train on all but the last fifth of each series (at least one horizon)."""
    ends = [test_starts(grid, train_until=None, test_size=None, horizon=horizon) for grid in checked.grids]
    trained = train(
        checked, model=model, horizon=horizon, season=season or (), settings=settings, ends=ends, watch=watch
    )
    starts = {
        artefact.plan.step: {grid.label(s): int(t) for s, t in enumerate(grid.times(np.arange(grid.series), end))}
        for grid, artefact, end in zip(checked.grids, trained.artefacts, ends, strict=True)
    }
    return Rehearsal(trained, starts, as_of)
