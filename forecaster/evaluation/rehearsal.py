"""A rehearsal: the same plan, trained on what came before the test part, and judged on that part.

It is stored with the model that is trained on everything. Promotion compares rehearsals, because no model may be judged
on rows that it has seen; anomalies are scored by them for the same reason.
"""

import json
from collections.abc import Mapping
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

__all__ = ["Rehearsal", "rehearse"]

_FILE = "rehearsal.json"


@dataclass(frozen=True)
class Rehearsal:
    """A forecaster that was not shown the test part, and where that part begins."""

    forecaster: Forecaster
    starts: list[dict[str, int]]
    """For each step: first test time of each series, as its clock encodes it."""
    as_of: datetime
    """The observations it was trained on are those known then."""

    def test_starts(self, checked: Checked) -> list[Ints]:
        """Where the test part begins: one array [S] of positions for each grid. A new series is all test."""
        found = []
        for grid in checked.grids:
            step = next(
                (n for n, a in enumerate(self.forecaster.artefacts) if a.plan.step == grid.frequency.alias), None
            )
            known = self.starts[step] if step is not None else {}
            times = np.array([known.get(grid.label(s), grid.starts[s]) for s in range(grid.series)], np.int64)
            found.append(np.clip(grid.frequency.positions(times, grid.starts), 0, grid.lengths))
        return found

    def judge(self, checked: Checked, stride: int = 1) -> Scoreboard:
        """Every metric on the test part."""
        boards = [
            backtest(artefact, grid, start, stride=stride)
            for (grid, artefact), start in zip(self.forecaster.matched(checked), self.test_starts(checked), strict=True)
        ]
        return Scoreboard.joined(boards)

    def save(self, folder: Path) -> None:
        """Write it into a folder."""
        self.forecaster.save(folder)
        (folder / _FILE).write_text(json.dumps({"as_of": self.as_of.isoformat(), "starts": self.starts}) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Rehearsal":
        """Read it from a folder."""
        data = json.loads((folder / _FILE).read_text())
        return cls(Forecaster.load(folder), data["starts"], datetime.fromisoformat(data["as_of"]))


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
    """Train on all but the last fifth of each series (a horizon at least)."""
    ends = [test_starts(grid, train_until=None, test_size=None, horizon=horizon) for grid in checked.grids]
    trained = train(
        checked, model=model, horizon=horizon, season=season or (), settings=settings, ends=ends, watch=watch
    )
    starts = [
        {grid.label(s): int(t) for s, t in enumerate(grid.times(np.arange(grid.series), end))}
        for grid, end in zip(checked.grids, ends, strict=True)
    ]
    return Rehearsal(trained, starts, as_of)
