"""Forecasts from any cutoffs of a grid: one pass over each series from its first row."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.errors import ArtifactError
from forecaster.layers.threads import limited
from forecaster.models.base import Inputs
from forecaster.panel.batch import Batch, gather
from forecaster.panel.panel import Panel, pack
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = ["Forecasts", "last_forecasts", "walk"]

_STEPS_AT_ONCE = 32_768
_FORECASTS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Forecasts:
    """Predictive distributions from some cutoffs, in the series' own units.

    Shapes: series, cutoffs (positions) [n]; quantiles [n, H, Q] at `columns.LEVELS`
    """

    series: Ints
    cutoffs: Ints
    quantiles: Floats

    @property
    def median(self) -> Floats:
        """[n, H]"""
        return self.quantiles[..., LEVELS.index(0.5)]

    def take(self, chosen: Ints) -> "Forecasts":
        """Some of them."""
        return Forecasts(self.series[chosen], self.cutoffs[chosen], self.quantiles[chosen])


def walk(
    artefact: Artefact, grid: Grid, first: Ints, last: Ints, *, stride: int = 1, device: str = "auto"
) -> Iterator[Forecasts]:
    """Forecasts from the cutoffs first, first + stride, ... up to last of each series, in parts.

    Shapes: first, last [S] positions; a series with last < first gives none
    Raises: ArtifactError when the grid has another step than the model
    """
    _require_step(artefact, grid)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network = artefact.network.to(device)
    panel = pack(
        grid, network.scale.measure, artefact.features, season=max(artefact.plan.seasons, default=1), device=device
    )
    wanted = np.flatnonzero((last >= first) & (last >= 0))
    order = wanted[np.argsort(last[wanted], kind="stable")]
    for group in _groups(order, last):
        with limited(artefact.plan.training.threads):
            for t0, batch, states, steps in _pass(artefact, panel, group, int(last[group].max()) + 1):
                yield from _decoded(artefact, batch, states, group, t0, steps, first, last, stride)


def last_forecasts(artefact: Artefact, grid: Grid, *, device: str = "auto") -> Forecasts:
    """One forecast for each series, after its last row."""
    ends = grid.lengths - 1
    parts = list(walk(artefact, grid, ends, ends, device=device))
    together = Forecasts(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("series", "cutoffs", "quantiles"))
    )
    return together.take(np.argsort(together.series))


def _require_step(artefact: Artefact, grid: Grid) -> None:
    mine, theirs = artefact.frequency, grid.frequency
    if (mine.kind, mine.size) != (theirs.kind, theirs.size):
        raise ArtifactError(f"the model was trained on steps of {mine.alias}, the input has steps of {theirs.alias}.")


def _groups(order: Ints, last: Ints) -> Iterator[Ints]:
    """Series of like length together, few enough to pass at once."""
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (end + 1 - begin) * min(int(last[order[end]]) + 1, 1_024) <= _STEPS_AT_ONCE:
            end += 1
        yield order[begin:end]
        begin = end


def _pass(artefact: Artefact, panel: Panel, group: Ints, steps: int) -> Iterator[tuple[int, Batch, Tensor, int]]:
    """The encoder over some series, in blocks of time that hand on their state."""
    network, plan = artefact.network, artefact.plan
    series_B = torch.as_tensor(group).to(panel.device)
    block, state = max(64, _STEPS_AT_ONCE // len(group)), None
    with torch.inference_mode():
        for t0 in range(0, steps, block):
            count = min(block, steps - t0)
            first_B = torch.full_like(series_B, t0)
            batch = gather(panel, series_B, first_B, count, window=plan.window, horizon=plan.horizon)
            states, state = network.model.encode(Inputs.of(batch, network.scale), state)
            yield t0, batch, states, count


def _decoded(
    artefact: Artefact,
    batch: Batch,
    states: Tensor,
    group: Ints,
    t0: int,
    steps: int,
    first: Ints,
    last: Ints,
    stride: int,
) -> Iterator[Forecasts]:
    """Distributions from those states of a block that are asked for."""
    at = t0 + np.arange(steps)[None]
    wanted = (at >= first[group, None]) & (at <= last[group, None]) & ((at - first[group, None]) % stride == 0)
    rows, columns = np.nonzero(wanted)
    if len(rows) == 0:
        return
    network, plan = artefact.network, artefact.plan
    inputs = Inputs.of(batch, network.scale)
    size = max(1, _FORECASTS_AT_ONCE // (plan.horizon * len(LEVELS)))
    with torch.inference_mode():
        for part in range(0, len(rows), size):
            b, t = rows[part : part + size], columns[part : part + size]
            params = network.model.decode(states[b, t], inputs.window_BTW[b, t], inputs.ahead_BTHF[b, t])
            scaled = artefact.calibration.apply(network.head.quantiles(params).double())
            values = network.unscaled(scaled, batch.level_BT[b, t], batch.spread_BT[b, t])
            yield Forecasts(group[b], t0 + t, values.cpu().numpy())
