"""Forecasts from any cutoffs of a grid: one pass over each series from its first row."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from forecaster.columns import MEDIAN
from forecaster.errors import ArtifactError
from forecaster.panel.panel import Panel
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid
from forecaster.training.adaptive_widths import AdaptiveWidths
from forecaster.training.artefact import Artefact
from forecaster.training.block import STEPS_AT_ONCE, Block, blocks, decoded, with_targets
from forecaster.training.floor import Floors, raised
from forecaster.training.whole import Whole

__all__ = ["Forecasts", "last_forecasts", "walk"]

_SERIES_AT_ONCE = 64


@dataclass(frozen=True)
class Forecasts:
    """Predictive distributions from some cutoffs, in the series' own units.

    Shapes: series, cutoffs (positions) [n]; quantiles [n, H, Q] at `columns.LEVELS`
    """

    series: Ints
    cutoffs: Ints
    quantiles: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Forecasts]") -> "Forecasts":
        """The forecasts of several parts, at least one, in the order of series and cutoffs."""
        names = ("series", "cutoffs", "quantiles")
        every = cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
        return every.take(np.lexsort((every.cutoffs, every.series)))

    @property
    def median(self) -> Floats:
        """[n, H]"""
        return self.quantiles[..., MEDIAN]

    def take(self, chosen: Ints) -> "Forecasts":
        """The chosen forecasts."""
        return Forecasts(self.series[chosen], self.cutoffs[chosen], self.quantiles[chosen])

    def truths(self, grid: Grid, ends: Ints) -> Floats:
        """The actual values after each cutoff, NaN from `ends` on. Shapes: ends [S] -> [n, H]"""
        positions = self.cutoffs[:, None] + np.arange(1, self.quantiles.shape[1] + 1)
        inside = positions < ends[self.series, None]
        rows = grid.offsets[self.series, None] + np.where(inside, positions, 0)
        return np.where(inside, grid.y[rows], np.nan)


def walk(
    artefact: Artefact,
    grid: Grid,
    first: Ints,
    last: Ints,
    *,
    stride: int = 1,
    adaptive: bool = False,
    warmup: int | None = None,
    device: str = "auto",
) -> Iterator[Forecasts]:
    """Forecasts from the cutoffs first, first + stride, ... up to last of each series, given in parts.

    With `adaptive`, forecasts adapt to each series: widths to its recent errors if the plan allows it, and to its zeros
    where `floor` says so; a detector needs neither. An ensemble gives the blend of its members' quantiles.

    With `warmup`, the network starts that many rows before the first cutoff (counting the cutoff) instead of at the
    series' first row. This is an approximation; `Facts.tails` has its measured error. Scales stay exact, since they use
    the whole series. Widths adapt only if the rows read contain all the errors looked back on.

    A model that is fitted to each series (`whole.py`) always reads all rows, and its widths are fixed.

    Shapes: first, last [S] positions; a series with last < first gives none
    Raises: ArtifactError if the grid's step is not the model's
    """
    asked = _Asked(first, last, stride)
    every = [_alone(member, grid, asked, adaptive, warmup, device) for member in artefact.members]
    floors = Floors.of(grid) if adaptive else None
    for parts in zip(*every, strict=True):  # members' forecasts come in the same parts
        series, cutoffs = parts[0].series, parts[0].cutoffs
        made = artefact.blend.of([part.quantiles for part in parts]) if len(parts) > 1 else parts[0].quantiles
        yield Forecasts(series, cutoffs, made if floors is None else raised(made, floors.half(series, cutoffs)))


def _alone(
    artefact: Artefact, grid: Grid, asked: "_Asked", adaptive: bool, warmup: int | None, device: str
) -> Iterator[Forecasts]:
    """What one member of `walk` forecasts."""
    _require_step(artefact, grid)
    first, last = asked.first, asked.last
    begins = np.zeros_like(first) if warmup is None else np.maximum(first + 1 - warmup, 0)
    own = _Pass.of(artefact, grid, begins, device)
    adapts = adaptive and own.can_adapt(warmup)
    wanted = np.flatnonzero((last >= first) & (last >= 0))
    order = wanted[np.argsort((last - begins)[wanted], kind="stable")]
    for group in _groups(order, last - begins + 1):
        yield from own.over(group, asked.of(group), adapts=adapts)


def last_forecasts(artefact: Artefact, grid: Grid, *, warmup: int | None = None, device: str = "auto") -> Forecasts:
    """One forecast for each series, after its last row; `warmup` as in `walk`."""
    ends = grid.lengths - 1
    return Forecasts.joined(list(walk(artefact, grid, ends, ends, adaptive=True, warmup=warmup, device=device)))


def _require_step(artefact: Artefact, grid: Grid) -> None:
    mine, theirs = artefact.frequency, grid.frequency
    if mine.step != theirs.step:
        raise ArtifactError(f"the model was trained on steps of {mine.alias}, the input has steps of {theirs.alias}.")


@dataclass(frozen=True)
class _Pass:
    """One network's pass over the series of a grid, each from its row in `begins` on."""

    artefact: Artefact
    begins: Ints
    panel: Panel
    whole: Whole | None

    @classmethod
    def of(cls, artefact: Artefact, grid: Grid, begins: Ints, device: str) -> "_Pass":
        """The grid packed in the form that the network reads."""
        device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        artefact.network.on(device)
        panel = artefact.packed(grid, begins=begins, device=device)
        return cls(artefact, begins, panel, Whole.of(artefact, panel))

    def can_adapt(self, warmup: int | None) -> bool:
        """Whether the rows read contain all the errors that adaptive widths look back on."""
        plan = self.artefact.plan
        looked_at = warmup is None or warmup > AdaptiveWidths.looks_back(plan.horizon)
        return self.whole is None and plan.adaptive and looked_at

    def over(self, group: Ints, asked: "_Asked", *, adapts: bool) -> Iterator[Forecasts]:
        """Forecasts of some series side by side; with `adapts`, widths learn from errors of earlier ones."""
        artefact, plan, end = self.artefact, self.artefact.plan, int(asked.last.max()) + 1
        begins = self.begins[group]
        widths = AdaptiveWidths(len(group), end, plan.horizon, plan.window) if adapts else None
        for block in blocks(artefact, self.panel, group, begins, int((asked.last - begins).max()) + 1):
            if widths is not None:
                _learn(artefact, block, asked, widths)
            for rows, t, scaled in decoded(artefact, block, *asked.cutoffs(block)):
                at = block.begins[rows] + t
                fitting = scaled if widths is None else widths.apply(scaled, widths.factors(rows, at))
                level, spread = (x[rows, t] for x in (block.batch.level_BT, block.batch.spread_BT))
                values = artefact.network.unscaled(fitting, level, spread).cpu().numpy()
                made = values if self.whole is None else self.whole.quantiles(group[rows], at, values)
                yield Forecasts(group[rows], at, made)


def _groups(order: Ints, steps: Ints) -> Iterator[Ints]:
    """Groups of series of similar length, each small enough for one pass."""
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and (
            end - begin < _SERIES_AT_ONCE or (end + 1 - begin) * int(steps[order[end]]) <= STEPS_AT_ONCE
        ):
            end += 1
        yield order[begin:end]
        begin = end


@dataclass(frozen=True)
class _Asked:
    """The cutoffs that a caller wants, one range for each series."""

    first: Ints
    last: Ints
    stride: int

    def of(self, group: Ints) -> "_Asked":
        """Those of some series."""
        return _Asked(self.first[group], self.last[group], self.stride)

    def cutoffs(self, block: Block) -> tuple[Ints, Ints]:
        """The wanted cutoffs in a block: series of the group, and steps of the block, [n]"""
        at, first = block.positions(), self.first[:, None]
        return _chosen((at >= first) & (at <= self.last[:, None]) & ((at - first) % self.stride == 0))


def _chosen(wanted: Bools) -> tuple[Ints, Ints]:
    rows, steps = np.nonzero(wanted)
    return rows, steps


def _learn(artefact: Artefact, block: Block, asked: _Asked, widths: AdaptiveWidths) -> None:
    """Update the widths with the errors of earlier forecasts."""
    at = block.positions()
    judged = widths.judged(at, asked.first[:, None]) & (at < asked.last[:, None])
    for known in with_targets(artefact, block, *_chosen(judged)):
        widths.learn(*known)
