"""Forecasts from any cutoffs of a grid: one pass over each series from its first row."""

from collections.abc import Iterator
from contextlib import contextmanager
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
from forecaster.training.adaptive_widths import AdaptiveWidths
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
    artefact: Artefact,
    grid: Grid,
    first: Ints,
    last: Ints,
    *,
    stride: int = 1,
    adaptive: bool = False,
    device: str = "auto",
) -> Iterator[Forecasts]:
    """Forecasts from the cutoffs first, first + stride, ... up to last of each series, in parts.

    With `adaptive` (and where the plan has it) widths follow each series' late errors; a detector wants them fixed. Of an
    ensemble the median of the members' quantiles counts.

    Shapes: first, last [S] positions; a series with last < first gives none
    Raises: ArtifactError when the grid has another step than the model
    """
    if artefact.others:
        each = (
            walk(member, grid, first, last, stride=stride, adaptive=adaptive, device=device)
            for member in artefact.members
        )
        yield from map(_median, zip(*each, strict=True))
        return
    _require_step(artefact, grid)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    network = artefact.network.to(device)
    panel = pack(
        grid, network.scale.measure, artefact.features, season=max(artefact.plan.seasons, default=1), device=device
    )
    wanted = np.flatnonzero((last >= first) & (last >= 0))
    order = wanted[np.argsort(last[wanted], kind="stable")]
    follows = adaptive and artefact.plan.adaptive
    for group in _groups(order, last):
        steps, asked = int(last[group].max()) + 1, _Asked(first[group], last[group], stride)
        widths = AdaptiveWidths(len(group), steps, artefact.plan.horizon) if follows else None
        for block in _pass(artefact, panel, group, steps):
            if widths is not None:
                _learn(artefact, block, asked, widths)
            for rows, at, scaled in _decoded(artefact, block, *asked.cutoffs(block)):
                fitting = scaled if widths is None else widths.apply(scaled, widths.factors(rows, at))
                level, spread = (x[rows, at - block.t0] for x in (block.batch.level_BT, block.batch.spread_BT))
                values = network.unscaled(fitting, level, spread)
                yield Forecasts(group[rows], at, values.cpu().numpy())


def last_forecasts(artefact: Artefact, grid: Grid, *, device: str = "auto") -> Forecasts:
    """One forecast for each series, after its last row."""
    ends = grid.lengths - 1
    parts = list(walk(artefact, grid, ends, ends, adaptive=True, device=device))
    together = Forecasts(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("series", "cutoffs", "quantiles"))
    )
    return together.take(np.argsort(together.series))


def _median(parts: "tuple[Forecasts, ...]") -> Forecasts:
    """Of each quantile over the members of an ensemble: in order still, because every member's are."""
    quantiles = np.median([part.quantiles for part in parts], axis=0)
    return Forecasts(parts[0].series, parts[0].cutoffs, quantiles)


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


@contextmanager
def _computing(artefact: Artefact) -> Iterator[None]:
    """No gradients, and as many threads as the plan has. Never around a `yield`: the caller would compute so, too."""
    with limited(artefact.plan.training.threads), torch.inference_mode():
        yield


@dataclass(frozen=True)
class _Block:
    """Some series over some time, encoded."""

    t0: int
    steps: int
    batch: Batch
    states: Tensor


@dataclass(frozen=True)
class _Asked:
    """Cutoffs that a caller wants, one range a series of the group."""

    first: Ints
    last: Ints
    stride: int

    def cutoffs(self, block: _Block) -> tuple[Ints, Ints]:
        """Those in a block: series of the group and positions, [n]"""
        at = block.t0 + np.arange(block.steps)[None]
        first, last = self.first[:, None], self.last[:, None]
        rows, columns = np.nonzero((at >= first) & (at <= last) & ((at - first) % self.stride == 0))
        return rows, block.t0 + columns


def _pass(artefact: Artefact, panel: Panel, group: Ints, steps: int) -> Iterator[_Block]:
    """The encoder over some series, in blocks of time that hand on their state."""
    network, plan = artefact.network, artefact.plan
    series_B = torch.as_tensor(group).to(panel.device)
    block, state = max(64, _STEPS_AT_ONCE // len(group)), None
    for t0 in range(0, steps, block):
        count = min(block, steps - t0)
        with _computing(artefact):
            first_B = torch.full_like(series_B, t0)
            batch = gather(panel, series_B, first_B, count, window=plan.window, horizon=plan.horizon)
            states, state = network.model.encode(Inputs.of(batch, network.scale), state)
        yield _Block(t0, count, batch, states)


def _decoded(artefact: Artefact, block: _Block, rows: Ints, at: Ints) -> Iterator[tuple[Ints, Ints, Tensor]]:
    """Calibrated quantiles in spreads from some cutoffs of a block, in parts, with their rows and positions."""
    if len(rows) == 0:
        return
    network, plan = artefact.network, artefact.plan
    inputs = Inputs.of(block.batch, network.scale)
    size = max(1, _FORECASTS_AT_ONCE // (plan.horizon * len(LEVELS)))
    for part in range(0, len(rows), size):
        b, t = rows[part : part + size], at[part : part + size] - block.t0
        with _computing(artefact):
            outlook = network.model.decode(block.states[b, t], inputs.window_BTW[b, t], inputs.ahead_BTHF[b, t])
            level, spread = (x[b, t] for x in (block.batch.level_BT, block.batch.spread_BT))
            quantiles = artefact.calibration.apply(network.quantiles(outlook, level, spread).double())
        yield b, block.t0 + t, quantiles


def _learn(artefact: Artefact, block: _Block, asked: _Asked, widths: AdaptiveWidths) -> None:
    """Show the widths what became of earlier forecasts."""
    at = block.t0 + np.arange(block.steps)[None]
    rows, columns = np.nonzero(widths.judged(at, asked.first[:, None]) & (at < asked.last[:, None]))
    targets_BTH = artefact.network.targets(block.batch).double()
    for b, positions, scaled in _decoded(artefact, block, rows, block.t0 + columns):
        t = positions - block.t0
        widths.learn(b, positions, scaled, targets_BTH[b, t], block.batch.targets_seen_BTH[b, t])
