"""A block of series and time steps, encoded; forecasts from any cutoff in it are decoded from the states."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.layers.threads import limited
from forecaster.models.base import Inputs
from forecaster.panel.batch import Batch, gather
from forecaster.panel.panel import Panel
from forecaster.series.frequency import Ints
from forecaster.training.artefact import Artefact

__all__ = ["STEPS_AT_ONCE", "Block", "blocks", "decoded", "with_targets"]

STEPS_AT_ONCE = 8_192
"""Size of a block, in series x steps: its lag windows then fit into the processor's cache, which doubles the speed."""
_LEAST_STEPS = 64
_NUMBERS_AT_ONCE = 160_000
"""Quantiles decoded at once, for the same reason."""


@dataclass(frozen=True)
class Block:
    """The series of a group, each over `steps` rows from its position in `begins` on.

    Shapes: begins [B]; states [B, T, D]
    """

    begins: Ints
    steps: int
    batch: Batch
    inputs: Inputs
    states: Tensor
    after: Any
    """The encoder's state, from which the next block continues."""

    def positions(self) -> Ints:
        """The position of every cutoff, [B, T]"""
        return self.begins[:, None] + np.arange(self.steps)


def blocks(artefact: Artefact, panel: Panel, group: Ints, begins: Ints, steps: int) -> Iterator[Block]:
    """Run the encoder over `steps` rows of some series, block by block in time, handing on its state.

    Shapes: group, begins (positions) [B]
    """
    network, plan = artefact.network, artefact.plan
    series_B = torch.as_tensor(group).to(panel.device)
    size, state = max(_LEAST_STEPS, STEPS_AT_ONCE // len(group)), None
    for passed in range(0, steps, size):
        count, at = min(size, steps - passed), begins + passed
        with _computing(artefact):
            first_B = torch.as_tensor(at).to(panel.device)
            batch = gather(panel, series_B, first_B, count, window=plan.window, horizon=plan.horizon)
            inputs = network.inputs(batch)
            states, state = network.model.encode(inputs, state)
        yield Block(at, count, batch, inputs, states, state)


def decoded(artefact: Artefact, block: Block, rows: Ints, steps: Ints) -> Iterator[tuple[Ints, Ints, Tensor]]:
    """Calibrated quantiles, in spreads, from some cutoffs of a block; in parts, each with its rows and steps.

    Shapes: rows, steps [n] -> [part], [part], [part, H, Q]
    """
    network, inputs = artefact.network, block.inputs
    size = max(1, _NUMBERS_AT_ONCE // (artefact.plan.horizon * len(LEVELS)))
    for part in range(0, len(rows), size):
        b, t = rows[part : part + size], steps[part : part + size]
        with _computing(artefact):
            at = torch.as_tensor(b).to(block.states.device), torch.as_tensor(t).to(block.states.device)
            outlook = network.model.decode(block.states[at], inputs.window_BTW[at], inputs.ahead_BTHF[at])
            level, spread = block.batch.level_BT[at], block.batch.spread_BT[at]
            quantiles = artefact.calibration.apply(network.quantiles(outlook, level, spread))
        yield b, t, quantiles


@contextmanager
def _computing(artefact: Artefact) -> Iterator[None]:
    """No gradients, and the plan's number of threads. Never put it around a `yield`: the caller would inherit both."""
    with limited(artefact.plan.training.threads), torch.inference_mode():
        yield


def with_targets(
    artefact: Artefact, block: Block, rows: Ints, steps: Ints
) -> Iterator[tuple[Ints, Ints, Tensor, Tensor, Tensor]]:
    """`decoded`, and the actual values in the same units: series of the group, positions, quantiles, targets, seen.

    Shapes: [n], [n], [n, H, Q], [n, H], [n, H]
    """
    batch = block.batch
    for b, t, scaled in decoded(artefact, block, rows, steps):
        level, spread = batch.level_BT[b, t], batch.spread_BT[b, t]
        targets = artefact.network.scaled_targets(batch.lags_BTW[b, t], batch.targets_BTH[b, t], level, spread)
        yield b, block.begins[b] + t, scaled, targets, batch.targets_seen_BTH[b, t]
