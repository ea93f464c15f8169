"""Refits: a model that is retrained at intervals during its test part."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecaster.errors import ArtifactError
from forecaster.evaluation.stopwatch import Stopwatch
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.recipe import learn
from forecaster.training.walk import Forecasts, walk

__all__ = ["Again", "Refits", "refitted"]

Again = Callable[[Ints], Artefact]
"""Where the rows known by then end [S] -> the next model."""

_WARM_STEPS, _WARM_RATE = 4, 6
"""Warm refits take one of so many of the first training's steps, and one of so many of its learning rate, or a cycle
forgets what was learned; docs/experiments.md has the numbers."""
_KEPT = ("window", "steps", "lr")
"""Settings that a warm refit has from the first training."""


def refitted(
    artefact: Artefact, grid: Grid, starts: Ints, *, every: int, again: Again, stride: int = 1
) -> Iterator[Forecasts]:
    """Forecasts from every cutoff of the test part in time order, each by the latest model trained on no later row.

    The first model is given; after every `every` steps of the test part follows the next, trained on all rows known by
    then. Steps are counted in each series' own test part; for a series that begins within the test part they are
    counted as for the others.

    Shapes: starts [S], the position of each series' first test row
    """
    first, last, begins = np.maximum(starts - 1, 0), grid.lengths - 2, _begins(grid, starts)
    for passed in range(0, int((last + 1 - begins).max(initial=0)) + 1, every):
        begin, end = _on_stride(first, begins + passed - 1, stride), np.minimum(last, begins + passed + every - 2)
        if not (begin <= end).any():
            continue
        if passed:
            artefact = again(np.clip(begins + passed, 0, grid.lengths))
        yield from walk(artefact, grid, begin, end, stride=stride, adaptive=True)


def _begins(grid: Grid, starts: Ints) -> Ints:
    """Position in each series at which the test part begins; negative if its first row is later. Shapes: [S]"""
    trained = starts > 0
    if not trained.any():
        return starts
    begin = grid.times(np.flatnonzero(trained), starts[trained]).max()
    positions = grid.frequency.positions(np.full(grid.series, begin), grid.starts)
    return np.where(trained, starts, np.minimum(positions, 0))


def _on_stride(first: Ints, least: Ints, stride: int) -> Ints:
    """The first of the numbers first, first + stride, ... that is at least `least`."""
    found: Ints = first + np.maximum(-((first - least) // stride), 0) * stride
    return found


@dataclass(frozen=True, kw_only=True)
class Refits:
    """Retrains a model, from scratch or from the previous weights.

    From scratch is the honest default: each model is the one that a user would have trained on that day, including its
    plan. A warm refit starts from the previous weights, keeps the lag window, and takes a quarter of the first
    training's steps at a smaller learning rate. If the new rows show other seasons, and so need another network, it starts
    from scratch as well, and says so.
    """

    grid: Grid
    first: Artefact
    every: int
    """Steps of the test part from one training to the next."""
    warm: bool = False
    asked: Mapping[str, Any]
    """What was asked of the first training: model, horizon, season, settings."""
    watch: Watch = SILENT
    made: list[Artefact] = field(default_factory=list)
    """The models after the first, in time order."""
    clock: Stopwatch = field(default_factory=Stopwatch)
    """What they took."""

    def walk(self, starts: Ints, stride: int) -> Iterator[Forecasts]:
        """The forecasts of `refitted`; `made` gains each new model as they are consumed."""
        return refitted(self.first, self.grid, starts, every=self.every, again=self.again, stride=stride)

    def again(self, ends: Ints) -> Artefact:
        """The next model, trained on the rows before `ends`. Shapes: ends [S]"""
        how = "from the weights before" if self.warm else "from the beginning"
        self.watch.say(f"refit {len(self.made) + 1}, {how}, on {int(ends.sum())} rows")
        with self.clock.running():
            self.made.append(self._warm(ends) if self.warm else self._anew(ends))
        return self.made[-1]

    def _anew(self, ends: Ints) -> Artefact:
        return learn(self.grid, ends, **self.asked, watch=self.watch)

    def _warm(self, ends: Ints) -> Artefact:
        plan = self.first.plan
        asked = self.asked["settings"] or {}
        settings = {key: value for key, value in asked.items() if key.rpartition(".")[2] not in _KEPT}
        settings["plan.window"] = plan.window
        settings["training.steps"] = max(1, plan.training.steps // _WARM_STEPS)
        settings["training.lr"] = plan.training.lr / _WARM_RATE
        try:
            return learn(
                self.grid,
                ends,
                **{**self.asked, "settings": settings},
                warm=[self.first, *self.made][-1],
                watch=self.watch,
            )
        except ArtifactError as error:
            self.watch.say(f"this refit is from the beginning: {error}")
            return self._anew(ends)
