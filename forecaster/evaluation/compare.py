"""Models trained on the rows before a test part and judged on it, all on the same cutoffs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from forecaster.counted import counted
from forecaster.errors import ConfigError
from forecaster.evaluation.backtest import backtest, test_starts
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.refits import Refits
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.evaluation.stopwatch import Stopwatch
from forecaster.progress import SILENT, Watch
from forecaster.scoring.forecaster import Forecaster, train
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.quality import Quality
from forecaster.training.artefact import Artefact
from forecaster.training.walk import Forecasts

__all__ = ["Judged", "Split", "compare", "judge", "train_test_split"]

_NEVER = 2**40
"""Steps that no test part has."""

Keep = Callable[[Grid, Forecasts], None]


@dataclass(frozen=True)
class Split:
    """Series with rows both before and in their test part.

    Shapes: starts holds one array [S] for each grid, the position of each series' first test row
    """

    checked: Checked
    starts: list[Ints]

    def before_tests(self) -> Checked:
        """The series without their test parts; those with no two rows before it are left out."""
        grids = []
        for grid, start in zip(self.checked.grids, self.starts, strict=True):
            long = np.flatnonzero(start > 1)
            if len(long):
                grids.append(grid.take(long).until(start[long]))
        return replace(self.checked, grids=grids, quality=Quality())


@dataclass(frozen=True)
class Judged:
    """A model, its results on a test part, and the time that took."""

    forecaster: Forecaster
    """What was trained on the rows before the test part."""
    board: Scoreboard
    training_s: float
    """Processor seconds, refits included."""
    forecasting_s: float
    refits: tuple[Artefact, ...] = ()
    """What was trained later, in time order."""

    @property
    def members(self) -> list[Artefact]:
        """Every trained network, in time order."""
        return [*self.forecaster.members, *(member for refit in self.refits for member in refit.members)]

    @property
    def lines(self) -> list[str]:
        """Notes on the trainings for the user."""
        told = [f"trained again {counted(len(self.refits), 'time')} as the test part went by"] if self.refits else []
        return [*dict.fromkeys(line for member in self.members for line in member.facts.lines()), *told]


def compare(
    checked: Checked,
    *,
    model: str,
    horizon: int,
    train_until: object = None,
    test_size: int | None = None,
    stride: int = 1,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    refit_every: int | None = None,
    refit_warm: bool = False,
    keep: Keep | None = None,
    watch: Watch = SILENT,
) -> tuple[Judged, dict[str, Scoreboard]]:
    """Train a model on the rows before the test part, and judge it there beside seasonal naive.

    `keep` receives the model's forecasts as they are made. With `refit_every` the model is retrained; seasonal naive is
    not.

    Raises: ConfigError if both `train_until` and `test_size` are given, if one makes no sense, or if no series has rows
        on both sides
    """
    split = train_test_split(checked, horizon=horizon, train_until=train_until, test_size=test_size)
    asked: dict[str, Any] = {"horizon": horizon, "stride": stride, "season": season}
    refits: dict[str, Any] = {"refit_every": refit_every, "refit_warm": refit_warm}
    own = judge(split, model=model, settings=settings, keep=keep, watch=watch, **refits, **asked)
    boards = {model: own.board}
    if model != NAIVE:
        boards[NAIVE] = judge(split, model=NAIVE, **asked).board
    return own, boards


def train_test_split(
    checked: Checked, *, horizon: int, train_until: object = None, test_size: int | None = None
) -> Split:
    """Where the test part begins; series that cannot be trained on or judged are recorded as skipped.

    Raises: ConfigError as in `compare`
    """
    if train_until is not None and test_size is not None:
        raise ConfigError("--train-until and --test-size exclude each other.")
    if test_size is not None and test_size < 1:
        raise ConfigError(f"--test-size must be at least 1, got {test_size}.")
    starts = [
        test_starts(grid, train_until=_instant(grid, train_until), test_size=test_size, horizon=horizon)
        for grid in checked.grids
    ]
    asked = f"--test-size is {test_size}" if test_size is not None else ""
    if train_until is not None:
        asked = f"--train-until {train_until} is {_read(checked.grids[0], train_until)}"
    return _testable(checked, starts, asked)


def judge(
    split: Split,
    *,
    model: str,
    horizon: int,
    stride: int = 1,
    season: Sequence[int] = (),
    settings: Mapping[str, Any] | None = None,
    refit_every: int | None = None,
    refit_warm: bool = False,
    keep: Keep | None = None,
    watch: Watch = SILENT,
) -> Judged:
    """Train one model on the rows before the test part, and judge it there. Raises: ConfigError for a wrong setting"""
    _require_sensible(stride, refit_every, refit_warm)
    import_module("forecaster.training.fit")  # imports Lightning, whose import time must not count as training
    training, forecasting, refits = Stopwatch(), Stopwatch(), []
    asked: dict[str, Any] = {"model": model, "horizon": horizon, "season": season, "settings": settings}
    with training.running():
        forecaster = train(split.checked, ends=split.starts, watch=watch, **asked)
    boards = []
    for grid, artefact, start in zip(split.checked.grids, forecaster.artefacts, split.starts, strict=True):
        every = refit_every or _NEVER
        again = Refits(grid=grid, first=artefact, every=every, warm=refit_warm, asked=asked, watch=watch)
        refits.append(again)
        found = forecasting.making(again.walk(start, stride))
        sink = partial(keep, grid) if keep is not None else None
        boards.append(backtest(artefact, grid, start, stride=stride, sink=sink, found=found))
    later = sum(again.clock.seconds for again in refits)
    return Judged(
        forecaster,
        Scoreboard.joined(boards),
        training.seconds + later,
        forecasting.seconds - later,
        tuple(made for again in refits for made in again.made),
    )


def _require_sensible(stride: int, refit_every: int | None, refit_warm: bool) -> None:
    if stride < 1:
        raise ConfigError(f"--stride must be at least 1, got {stride}.")
    if refit_every is not None and refit_every < 1:
        raise ConfigError(f"--refit-every must be at least 1, got {refit_every}.")
    if refit_warm and refit_every is None:
        raise ConfigError("--refit-warm says how to train again, --refit-every K says when. Give both.")


def _testable(checked: Checked, starts: list[Ints], asked: str) -> Split:
    """Grids with rows before and in the test part; series that cannot be used are recorded as skipped."""
    kept = []
    for number, (grid, start) in enumerate(zip(checked.grids, starts, strict=True)):
        trains, judged = (start > 0).any(), grid.lengths > np.maximum(start, 1)
        if trains and judged.any():
            kept.append(number)
        left = np.flatnonzero(~judged) if trains else np.arange(grid.series)
        reason = "no row in the test part" if trains else f"no row of step {grid.frequency.alias} before the test part"
        checked.quality.add_series("skip", reason, grid.sizes(left))
    if not kept:
        reasons = sorted({finding.reason for finding in checked.quality.of("skip")})
        asked = f"{asked}; {_extent(checked)}" if asked else _extent(checked)
        raise ConfigError(f"nothing to test: {', '.join(reasons)} ({asked}). Change --train-until or --test-size.")
    return Split(checked.only(kept), [starts[n] for n in kept])


def _extent(checked: Checked) -> str:
    """The number of rows, and their first and last time."""
    longest, spans = max(int(grid.lengths.max()) for grid in checked.grids), []
    for grid in checked.grids:
        ends = grid.times(np.arange(grid.series), grid.lengths - 1)
        begin, end = grid.clock.texts(np.array([grid.starts.min(), ends.max()]))
        spans.append(f"from {begin} to {end}")
    return f"the longest series has {longest} rows, and they go {' and '.join(spans)}"


def _read(grid: Grid, when: object) -> str:
    """How a time in the settings was interpreted."""
    return str(grid.clock.texts(np.array([_instant(grid, when)]))[0])


def _instant(grid: Grid, when: object) -> int | None:
    return None if when is None else grid.clock.instant(when, "--train-until")
