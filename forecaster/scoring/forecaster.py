"""A trained forecaster for a whole table: one artefact for each step in the table."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster.columns import LEVELS
from forecaster.counted import counted
from forecaster.errors import ArtifactError, ConfigError
from forecaster.progress import SILENT, Watch
from forecaster.scoring import fallback
from forecaster.scoring.future_values import note_missing
from forecaster.scoring.new_folder import gone_unless_written
from forecaster.scoring.option_checks import require_positive
from forecaster.scoring.paths import draw, path_rows
from forecaster.scoring.tables import forecast_rows
from forecaster.series.frame import Checked
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.checkpoint_folder import CheckpointFolder
from forecaster.training.reading import reading, require_format
from forecaster.training.recipe import learn
from forecaster.training.walk import Forecasts, last_forecasts
from forecaster.training.writing import writing

__all__ = ["Forecaster", "train"]

FORMAT = 1
_INDEX = "forecaster.json"


@dataclass(frozen=True)
class Forecaster:
    """The result of `train`: one artefact per step, and the roles of the columns that they read."""

    artefacts: tuple[Artefact, ...]
    roles: Roles

    @property
    def members(self) -> list[Artefact]:
        """Every trained network; ensembles are split into their members."""
        return [member for artefact in self.artefacts for member in artefact.members]

    @property
    def horizon(self) -> int:
        """Number of steps that it can forecast."""
        return self.artefacts[0].plan.horizon

    @property
    def only_step(self) -> Frequency | None:
        """The step that it was trained on, if that is one."""
        return self.artefacts[0].frequency if len(self.artefacts) == 1 else None

    def artefact_of(self, grid: Grid) -> Artefact | None:
        """The artefact for a grid's step, None if it was never trained on such steps."""
        place = grid.frequency.among([artefact.frequency for artefact in self.artefacts])
        return None if place is None else self.artefacts[place]

    def matched(self, checked: Checked) -> Iterator[tuple[Grid, Artefact]]:
        """Each grid with its artefact; series whose step is unknown are recorded as skipped."""
        for grid in checked.grids:
            artefact = self.artefact_of(grid)
            if artefact is not None:
                yield grid, artefact
                continue
            known = ", ".join(a.plan.step for a in self.artefacts)
            reason = f"steps of {grid.frequency.alias}; the model was trained on {known}"
            checked.quality.add_series("skip", reason, grid.sizes())

    def predict(
        self,
        checked: Checked,
        *,
        horizon: int | None = None,
        levels: Sequence[float] = LEVELS,
        warmup: int | None = None,
    ) -> pd.DataFrame:
        """Forecasts of every series after its last row, as a table; options as in `forecasts`."""
        return self.rows(self.forecasts(checked, horizon=horizon, warmup=warmup), horizon=horizon, levels=levels)

    def forecasts(
        self, checked: Checked, *, horizon: int | None = None, warmup: int | None = None
    ) -> list[tuple[Grid, Artefact, Forecasts]]:
        """Forecasts of every series after its last row; with `warmup`, the network reads only that many last rows.

        Raises: ArtifactError for a horizon beyond the trained one, ConfigError for a warmup or horizon below 1
        """
        require_positive(warmup=warmup)
        self.require_horizon(horizon)
        parts = []
        for grid, artefact in self.matched(checked):
            note_missing(grid, artefact, horizon or self.horizon, checked.quality)
            forecasts = last_forecasts(artefact, grid, warmup=warmup)
            why = fallback.reasons(grid, grid.lengths, artefact.plan.horizon)
            parts.append((grid, artefact, fallback.replace(forecasts, grid, why, checked.quality)))
        if not parts:
            raise ArtifactError("no series has a step that the model was trained on.")
        return parts

    def rows(
        self,
        forecasts: Sequence[tuple[Grid, Artefact, Forecasts]],
        *,
        horizon: int | None = None,
        levels: Sequence[float] = LEVELS,
    ) -> pd.DataFrame:
        """The result of `forecasts` as a table."""
        parts = [forecast_rows(grid, found, levels=levels, horizon=horizon, exact=True) for grid, _, found in forecasts]
        return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)

    def sample(
        self,
        forecasts: Sequence[tuple[Grid, Artefact, Forecasts]],
        paths: int,
        *,
        seed: int,
        horizon: int | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Joint sample paths from the result of `forecasts`, as tables of a few series each.

        Raises: ConfigError for a number of paths below 1
        """
        require_positive(paths=paths)
        for grid, artefact, found in forecasts:
            for part in draw(artefact, grid, found, paths, seed=seed, horizon=horizon):
                yield path_rows(grid, part)

    def require_horizon(self, horizon: int | None) -> None:
        """Check a horizon. Raises: ArtifactError if it is beyond the trained one, ConfigError if it is below 1"""
        require_positive(horizon=horizon)
        if horizon is not None and horizon > self.horizon:
            raise ArtifactError(
                f"the model forecasts {counted(self.horizon, 'step')}, --horizon asks for {horizon}. Train a new one."
            )

    def note_short_past(self, checked: Checked) -> None:
        """Note where every series is shorter than what forecasts look back on, as in a file of the newest rows alone."""
        for grid in checked.grids:
            artefact = self.artefact_of(grid)
            window = 0 if artefact is None else max(member.plan.window for member in artefact.members)
            if (longest := int(grid.lengths.max())) < window:
                line = f"forecasts look back on {counted(window, 'row')}, and the longest series has {longest}"
                checked.quality.add("note", f"{line}; the others count as missing. Give the rows before these, too")

    def save(self, folder: Path) -> None:
        """Write it into a folder. Raises: ConfigError if it cannot be written; a new folder is then removed again"""
        with gone_unless_written(folder):
            self._write(folder)

    def _write(self, folder: Path) -> None:
        names = [artefact.plan.step for artefact in self.artefacts]
        with writing(folder):
            (folder / _INDEX).unlink(missing_ok=True)
            for name, artefact in zip(names, self.artefacts, strict=True):
                artefact.save(folder / name)
            (folder / _INDEX).write_text(
                json.dumps({"format": FORMAT, "roles": asdict(self.roles), "members": names}) + "\n"
            )

    @classmethod
    def load(cls, folder: Path) -> "Forecaster":
        """Read it from a folder. Raises: ArtifactError if it is absent, damaged or of a later version"""
        with reading(folder, "saved model", "Make one with --save DIR."):
            index = json.loads((folder / _INDEX).read_text())
            require_format(folder, index, FORMAT)
            roles = Roles(**{name: tuple(value) for name, value in index["roles"].items()})
            members = [folder / name for name in index["members"]]
        return cls(tuple(map(Artefact.load, members)), roles)


def train(
    checked: Checked,
    *,
    model: str,
    horizon: int,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    ends: Sequence[Ints] | None = None,
    warm: Forecaster | None = None,
    resume: Path | None = None,
    watch: Watch = SILENT,
) -> Forecaster:
    """Train one artefact for each grid, on the rows before `ends` (all rows by default).

    Weights start from those of `warm`, if given; checkpoints are kept in the folder `resume` until all is done.

    Shapes: ends holds one array [S] for each grid
    """
    artefacts, kept = [], CheckpointFolder(resume) if resume is not None else None
    for number, grid in enumerate(checked.grids):
        stop = grid.lengths if ends is None else ends[number]
        if not (stop > 0).any():
            raise ConfigError(
                f"no row to train on: every series of step {grid.frequency.alias} begins after the training part."
            )
        asked: dict[str, Any] = {"model": model, "horizon": horizon, "season": season, "settings": settings}
        begin = _saved_of(grid, warm) if warm is not None else None
        artefacts.append(learn(grid, np.asarray(stop), warm=begin, kept=kept, watch=watch, **asked))
    if kept is not None:
        kept.clear()
    return Forecaster(tuple(artefacts), checked.roles)


def _saved_of(grid: Grid, warm: Forecaster) -> Artefact:
    """The saved artefact for a grid's step."""
    found = warm.artefact_of(grid)
    if found is None:
        known = ", ".join(a.plan.step for a in warm.artefacts)
        raise ArtifactError(
            f"the model to start from has steps of {known}, the input has steps of {grid.frequency.alias}."
        )
    return found
