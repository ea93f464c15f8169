"""Training: a grid and a plan in, a trained artefact out."""

from copy import deepcopy
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.layers.distribution import pinball
from forecaster.layers.threads import limited
from forecaster.panel.features import Features
from forecaster.panel.panel import Panel, pack
from forecaster.progress import SILENT, Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.series.public_holidays import with_holidays
from forecaster.training import workers
from forecaster.training.artefact import Artefact, build_network
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.curriculum import Curriculum
from forecaster.training.facts import Facts
from forecaster.training.network import Network
from forecaster.training.own_calibration import with_own_calibration
from forecaster.training.plan import Plan, held_out_series
from forecaster.training.run import run
from forecaster.training.schedule import Schedule, schedule
from forecaster.training.stream import StreamedStretches
from forecaster.training.stretch import HeldOut, HeldOutWindows, TrainingStretches
from forecaster.training.warm_start import warm_start

__all__ = ["fit"]

_RUN_IN = 128
"""Steps that are read before the first held-out cutoff to warm up the state."""
_HELD_OUT_VALUES = 320_000
"""About the most forecast values that are made of held-out rows at once."""
_QUANTILES_JUDGED = 40_000_000
"""About the most forecasts that calibration holds, at equal distances: with long horizons neighbours err alike."""
_FEWEST_LOOKED_AT = 1_000
"""Minimum held-out windows for early stopping, however short the training."""
_FIRST_LOOK = 4
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
    network, features = _begun(grid, train_ends, plan, warm)
    network.head.check(torch.as_tensor(grid.y[grid.known(train_ends)]))
    panel = pack(grid, network.scale.measure, features, season=plan.longest_season, device=device)
    held_out = _held_out(panel, chosen, ends, plan)
    facts, snapshots = Facts(), list[dict[str, Tensor]]()
    if int(np.maximum(train_ends - 1, 0).sum()) > 0:
        rates = schedule(plan.training.schedule, plan.training.schedule_steps, plan.training.cycles)
        stretches = _stretches(panel, torch.as_tensor(train_ends).to(device), plan, rates)
        network.to(device)
        if warm is None:
            network.prepare(list(islice(stretches, _FIRST_LOOK)))
        if network.model.learned:
            looked_at = _looked_at(held_out, plan, alone=network.model.alone)
            facts, snapshots = run(
                network, stretches, looked_at, plan.model, plan.training, rates, grid.label, watch, state
            )
    facts = replace(facts, weights=network.weights, series=grid.series, rows=int(ends.sum()))
    members = []
    for one in _members(network, snapshots):
        calibration, error = _calibration(one.eval(), held_out, plan)
        own = replace(facts, held_out_error=error)
        members.append(Artefact(plan, one.to("cpu"), features, calibration, own, grid.frequency))
    asked = plan.training.snapshots if network.model.learned else 0
    if len(snapshots) < asked:
        took = "with as many snapshots" if snapshots else "with the best weights instead"
        watch.say(f"training stopped after {len(snapshots)} of {asked} descents, {took}")
    made = members[0].joined(members[1:])
    return made if network.model.learned else with_own_calibration(made, grid, ends)


def _members(network: Network, snapshots: list[dict[str, Tensor]]) -> list[Network]:
    """One network for each snapshot; if there are none, the network itself with its best weights."""
    copies = [deepcopy(network) for _ in snapshots]
    for copy, weights in zip(copies, snapshots, strict=True):
        copy.restore(weights)
    return copies or [network]


def _begun(grid: Grid, train_ends: Ints, plan: Plan, warm: Artefact | None) -> tuple[Network, Features]:
    """The network with its initial weights, and the features it reads."""
    if warm is not None:
        return warm_start(warm, plan), warm.features
    with torch.random.fork_rng(workers.gpus()):
        torch.manual_seed(plan.training.seed)
        joint = tuple(dict.fromkeys(grid.channel)) if plan.joint and grid.channel is not None else ()
        features = Features.fit(grid, train_ends, joint)
        return build_network(plan, features), features


def _held_out(panel: Panel, chosen: Ints, ends: Ints, plan: Plan) -> HeldOut:
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


def _looked_at(held_out: HeldOut, plan: Plan, *, alone: bool) -> HeldOut | HeldOutWindows:
    """The rows for early stopping, thinned so that a validation costs no more than the training between two of them."""
    asked = plan.training
    most = max(_FEWEST_LOOKED_AT, asked.steps * asked.rows * asked.stretch // asked.validations)
    return HeldOutWindows(held_out, most) if alone else held_out.thinned(most)


def _stretches(panel: Panel, ends: Tensor, plan: Plan, rates: Schedule) -> TrainingStretches | StreamedStretches:
    training = plan.training
    if training.stream:
        return StreamedStretches(panel, ends, training, window=plan.window, horizon=plan.horizon)
    curriculum = Curriculum(rates, training.curriculum)
    return TrainingStretches(panel, ends, curriculum, training, window=plan.window, horizon=plan.horizon)


def _calibration(network: Network, held_out: HeldOut, plan: Plan) -> tuple[Calibration, float | None]:
    """Calibration from the held-out rows, which were not trained on, and the calibrated error there."""
    quantiles, targets, origins = list[Floats](), list[Floats](), 0
    cutoffs = len(held_out.series) * held_out.steps
    some = slice(None, None, 1 + cutoffs * plan.horizon * len(LEVELS) // _QUANTILES_JUDGED)
    with torch.no_grad():
        for stretch in held_out:
            counted_BTH = stretch.weight_BTH > 0
            used_BT = counted_BTH.any(-1)
            # Forecasts from neighbouring cutoffs have correlated errors: one per horizon counts as independent.
            origins += int(np.ceil(used_BT.sum(1).cpu().numpy() / plan.horizon).sum())
            wanted = network.targets(stretch.batch).masked_fill(~counted_BTH, float("nan"))
            for found, values in ((quantiles, network.scaled_quantiles(stretch.batch)), (targets, wanted)):
                found.append(values[:, some][used_BT[:, some]].cpu().numpy())
    if not targets:
        return Calibration.none(plan.horizon), None
    found_NHQ, wanted_NH = np.concatenate(quantiles), np.concatenate(targets)
    calibration = calibrate(found_NHQ, wanted_NH, origins)
    return calibration, _error(calibration.apply(torch.as_tensor(found_NHQ)).numpy(), wanted_NH)


def _error(quantiles: Floats, targets: Floats) -> float | None:
    """Mean pinball loss over the known targets, None if there are none. Shapes: [n, H, Q], [n, H]"""
    known = ~np.isnan(targets)
    return float(pinball(quantiles[known], LEVELS, targets[known]).mean()) if known.any() else None
