"""Training: a grid and a plan in, a trained artefact out."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from forecaster.layers.threads import limited
from forecaster.panel.features import Features
from forecaster.panel.panel import Panel, pack
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.public_holidays import with_holidays
from forecaster.training import workers
from forecaster.training.artefact import Artefact, build_network
from forecaster.training.curriculum import Curriculum
from forecaster.training.facts import Facts
from forecaster.training.held_out import HeldOut, HeldOutWindows, held_out_series
from forecaster.training.held_out_calibration import calibrate_on
from forecaster.training.network import Network
from forecaster.training.own_calibration import with_own_calibration
from forecaster.training.plan import Plan
from forecaster.training.run import run
from forecaster.training.schedule import Schedule, schedule
from forecaster.training.stream import StreamedStretches
from forecaster.training.stretch import TrainingStretches
from forecaster.training.warm_start import warm_start

__all__ = ["fit"]

Weights = dict[str, Tensor]

_RUN_IN = 128
"""Steps that are read before the first held-out cutoff to warm up the state."""
_HELD_OUT_VALUES = 320_000
"""About the most forecast values that are made of held-out rows at once."""
_FEWEST_VALIDATED = 1_000
"""Minimum held-out windows for early stopping, however short the training."""
_PREPARING_STEPS = 4
"""Training steps whose rows a network uses to choose its starts and units."""


def fit(
    grid: Grid,
    ends: Ints,
    plan: Plan,
    *,
    watch: Watch = SILENT,
    device: str = "auto",
    warm: Artefact | None = None,
    state: Path | None = None,
) -> Artefact:
    """Train on each series' rows before `ends`, the last of which are held out for early stopping and calibration.

    With `snapshots` in the plan, one training gives an ensemble.

    `warm` is a saved model whose weights are the starting point, `state` a file from which a killed training continues.

    Shapes: ends [S]
    Raises: ArtifactError if those weights do not fit; DataError, naming the series, if the loss is not a number or
        the head cannot take a value
    """
    device = str(workers.device()) if device == "auto" else device
    with limited(plan.training.threads):
        return _fit(grid, ends, plan, watch, device, warm, state)


def _fit(
    grid: Grid, ends: Ints, plan: Plan, watch: Watch, device: str, warm: Artefact | None, state: Path | None
) -> Artefact:
    grid = with_holidays(grid, plan.holidays, plan.horizon)
    chosen = held_out_series(ends, plan)
    train_ends = ends.copy()
    train_ends[chosen] -= plan.training.held_out
    network, features = _initial(grid, train_ends, plan, warm)
    network.head.check(torch.as_tensor(grid.y[grid.known(train_ends)]))
    panel = pack(grid, network.scale.measure, features, season=plan.longest_season, device=device)
    held_out = _held_out(panel, chosen, ends, plan)
    facts, snapshots = Facts(), list[Weights]()
    if int(np.maximum(train_ends - 1, 0).sum()) > 0:
        learning = _Learning(network.to(device), panel, torch.as_tensor(train_ends).to(device), held_out, plan)
        facts, snapshots = learning.run(grid.label, watch, state, prepares=warm is None)
    facts = replace(facts, weights=network.weights, series=grid.series, rows=int(ends.sum()))
    members = []
    for one in _members(network, snapshots):
        calibration, error = calibrate_on(held_out, one.eval())
        own = replace(facts, held_out_error=error)
        members.append(Artefact(plan, one.to("cpu"), features, calibration, own, grid.frequency))
    made = members[0].joined(members[1:])
    if not network.model.learned:
        return with_own_calibration(made, grid, ends)
    _tell_fewer(len(snapshots), plan.training.snapshots, watch)
    return made


def _initial(grid: Grid, train_ends: Ints, plan: Plan, warm: Artefact | None) -> tuple[Network, Features]:
    """The network with its initial weights, and the features it reads."""
    if warm is not None:
        return warm_start(warm, plan), warm.features
    with torch.random.fork_rng(workers.gpus()):
        torch.manual_seed(plan.training.seed)
        joint = tuple(dict.fromkeys(grid.channel)) if plan.joint and grid.channel is not None else ()
        features = Features.fit(grid, train_ends, joint)
        return build_network(plan, features), features


def _held_out(panel: Panel, chosen: Ints, ends: Ints, plan: Plan) -> HeldOut:
    """The last rows of the chosen series."""
    series = torch.as_tensor(chosen).to(panel.device)
    after = torch.as_tensor(ends[chosen]).to(panel.device)
    return HeldOut(
        panel,
        series,
        after - plan.training.held_out,
        after,
        window=plan.window,
        horizon=plan.horizon,
        run_in=_RUN_IN,
        values=_HELD_OUT_VALUES,
        errors=plan.training.errors,
    )


@dataclass(frozen=True)
class _Learning:
    """A network on the device, the rows that it learns from, and those by which early stopping judges it.

    Shapes: ends_S [S], where each series' training rows end
    """

    network: Network
    panel: Panel
    ends_S: Tensor
    held_out: HeldOut
    plan: Plan

    def run(
        self, label: Callable[[int], str], watch: Watch, state: Path | None, *, prepares: bool
    ) -> tuple[Facts, list[Weights]]:
        """Train the weights, if it has any; gives facts about the training, and the snapshots that were asked for.

        With `prepares` the network first chooses its starts and units, which one from a saved model has already.
        """
        training = self.plan.training
        rates = schedule(training.schedule, training.schedule_steps, training.cycles)
        stretches = _stretches(self.panel, self.ends_S, self.plan, rates)
        if prepares:
            self.network.prepare(list(islice(stretches, _PREPARING_STEPS)))
        if not self.network.model.learned:
            return Facts(), []
        return run(
            self.network,
            stretches,
            self._held_out_for,
            name=self.plan.model,
            training=training,
            rates=rates,
            label=label,
            watch=watch,
            state=state,
        )

    def _held_out_for(self, steps: int) -> HeldOut | HeldOutWindows:
        """The rows for early stopping, so many that a validation costs no more than the training between two."""
        training = self.plan.training
        most = max(_FEWEST_VALIDATED, steps * training.rows * training.stretch // training.validations)
        return HeldOutWindows(self.held_out, most) if self.network.model.alone else self.held_out.thinned(most)


def _stretches(panel: Panel, ends_S: Tensor, plan: Plan, rates: Schedule) -> TrainingStretches | StreamedStretches:
    training = plan.training
    if training.stream:
        return StreamedStretches(panel, ends_S, training, window=plan.window, horizon=plan.horizon)
    curriculum = Curriculum(rates, training.curriculum)
    return TrainingStretches(panel, ends_S, curriculum, training, window=plan.window, horizon=plan.horizon)


def _members(network: Network, snapshots: list[Weights]) -> list[Network]:
    """One network for each snapshot; if there are none, the network itself with its best weights."""
    copies = [deepcopy(network) for _ in snapshots]
    for copy, weights in zip(copies, snapshots, strict=True):
        copy.restore(weights)
    return copies or [network]


def _tell_fewer(made: int, asked: int, watch: Watch) -> None:
    """Say so if the training ended before all snapshots were made."""
    if made < asked:
        took = "with as many snapshots" if made else "with the best weights instead"
        watch.say(f"training stopped after {made} of {asked} descents, {took}")
