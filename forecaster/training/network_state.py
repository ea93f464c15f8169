"""What one network remembers of some series, and its step: from that and a new value of each to the new forecasts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.models.base import Inputs, in_units
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid
from forecaster.training.adaptive_widths import AdaptiveWidths, judged_step
from forecaster.training.artefact import Artefact
from forecaster.training.encoder_state import concatenated, leaves, put, refilled, taken
from forecaster.training.floor import Floor
from forecaster.training.network import Network
from forecaster.training.recent_errors import RecentErrors
from forecaster.training.ring import Ring
from forecaster.training.state_after import state_after

__all__ = ["NetworkState"]

_NAMES = ("ring", "floor", "late")
"""Of the arrays of rows, floor and errors where a state is stored."""


@dataclass
class NetworkState:
    """What one network remembers of some series, which are advanced together.

    Shapes: the first dimension is always the series
    """

    ring: Ring
    """The last rows."""
    floor: Floor
    errors: RecentErrors | None
    """Those that adapt the widths; None if widths do not adapt."""
    state: Any
    """The encoder's; None before the first row."""
    static_BK: Tensor

    @classmethod
    def fresh(cls, artefact: Artefact, series: int) -> "NetworkState":
        """The state before the first row of each series."""
        plan = artefact.plan
        ring = Ring.empty(series, _rows_kept(artefact), plan.longest_season)
        errors = RecentErrors.none(series, plan.horizon) if plan.adaptive else None
        return cls(ring, Floor.none(series), errors, None, torch.zeros(series, artefact.features.static_width))

    @classmethod
    def after(cls, artefact: Artefact, grid: Grid) -> "NetworkState":
        """The state after the last row of each series of a grid, computed by the pass."""
        network, plan = artefact.network.on("cpu"), artefact.plan
        panel = artefact.packed(grid)
        ring = Ring.of(panel, network.scale, _rows_kept(artefact), plan.longest_season)
        state, errors = state_after(artefact, panel, grid.lengths)
        return cls(ring, Floor.after(grid), errors, state, panel.static_SK)

    def step(
        self, artefact: Artefact, clock: Clock, times: Ints, values_B: Floats, *, both: bool = True
    ) -> tuple[Tensor, ...]:
        """Take in one row of each series, and forecast from it: quantiles in the series' own units.

        Their widths are adapted to recent errors. With `both`, these are of the next step only, and quantiles without
        adapted widths, of all H steps, follow.

        Shapes: times, values_B [B] -> [B, H, Q], or [B, 1, Q] and [B, H, Q]
        """
        network, ring = artefact.network, self.ring
        ring.push(values_B, network.scale)
        self.floor.take(values_B)
        inputs = self._inputs(artefact, clock, times)
        states, self.state = network.model.encode(inputs, self.state)
        if self.errors is not None:
            self.errors.judge(ring.rows_B - 1, values_B, network.scale)
        outlook = network.model.decode(states[:, -1], inputs.window_BTW[:, -1], inputs.ahead_BTHF[:, -1])
        level, spread = inputs.level_BT[:, -1], inputs.spread_BT[:, -1]
        scaled = artefact.calibration.apply(network.quantiles(outlook, level, spread))
        near = scaled[:, :1] if both else scaled
        if self.errors is not None:
            self._keep(network, self.errors, scaled, level, spread)
            near = AdaptiveWidths.apply(near, torch.from_numpy(self.errors.factors()))
        made = network.unscaled(near, level, spread)
        return (made, network.unscaled(scaled, level, spread)) if both else (made,)

    def _inputs(self, artefact: Artefact, clock: Clock, times: Ints) -> Inputs:
        """The network's inputs, with the newest row as the only cutoff."""
        network, ring, targets = artefact.network, self.ring, len(artefact.features.joint)
        level, spread, restless = ring.units(network.scale)
        features = artefact.features.newest(clock, times, ring.seen_BR[:, -1], ring.age_B)
        steps = np.concatenate([features, restless], axis=1, dtype=np.float32)
        level_B, spread_B = torch.from_numpy(level), torch.from_numpy(spread)
        lags_BTW, begun_BTW = ring.windows(artefact.plan.window)
        level_BT, spread_BT = level_B[:, None], spread_B[:, None]
        inputs = Inputs(
            in_units(lags_BTW, begun_BTW, level_BT, spread_BT, network.scale),
            torch.from_numpy(steps)[:, None],
            torch.zeros(len(level), 1, artefact.plan.horizon, 0),
            self.static_BK,
            level_BT,
            spread_BT,
            torch.from_numpy(artefact.frequency.numbers(times)),
            begun_BTW,
        )
        return network.together_with(inputs, ring.beside(level_B, spread_B, targets) if targets else None)

    def _keep(self, network: Network, errors: RecentErrors, scaled: Tensor, level: Tensor, spread: Tensor) -> None:
        """Store the forecasts that will be judged when their values arrive."""
        at, window = self.ring.rows_B - 1, network.model.task.window
        b = np.flatnonzero((at % judged_step(scaled.shape[1]) == 0) & (at >= window))
        if len(b):
            if len(b) < len(at):
                scaled, level, spread = scaled[b], level[b], spread[b]
            lags = torch.from_numpy(self.ring.y_BR[b, -window:])
            errors.keep(b, at[b], scaled, level, spread, network.furthest(lags, level, spread))

    def some(self, part: Any) -> "NetworkState":
        """A copy of the state of some series."""
        errors = None if self.errors is None else _each(self.errors, lambda value: value[part].copy())
        ring, floor = (_each(group, lambda value: value[part].copy()) for group in (self.ring, self.floor))
        return NetworkState(ring, floor, errors, taken(self.state, part), self.static_BK[part])

    def put(self, part: Any, new: "NetworkState") -> None:
        """Put back the state of some series, which was copied by `some` and then stepped."""
        for old, one in ((self.ring, new.ring), (self.floor, new.floor), (self.errors, new.errors)):
            for held, value in zip(_values(old), _values(one), strict=True) if old is not None else ():
                held[part] = value
        put(self.state, part, new.state)

    def joined(self, more: "NetworkState") -> "NetworkState":
        """The state of these series and of further ones."""
        errors = None if self.errors is None or more.errors is None else _joined(self.errors, more.errors)
        ring, floor = _joined(self.ring, more.ring), _joined(self.floor, more.floor)
        state, static_BK = concatenated([self.state, more.state]), torch.cat([self.static_BK, more.static_BK])
        return NetworkState(ring, floor, errors, state, static_BK)

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """The whole state, by name."""
        yield "static", self.static_BK
        for prefix, group in zip(_NAMES, (self.ring, self.floor, self.errors), strict=True):
            for name, value in vars(group).items() if group is not None else ():
                yield f"{prefix}.{name}", torch.from_numpy(value)
        for number, value in enumerate(leaves(self.state)):
            yield f"state.{number}", value

    @classmethod
    def of(cls, artefact: Artefact, clock: Clock, tensors: Mapping[str, Tensor]) -> "NetworkState":
        """From `tensors`."""
        ring, floor, errors = (
            {
                name.removeprefix(f"{group}."): one.numpy()
                for name, one in tensors.items()
                if name.startswith(f"{group}.")
            }
            for group in _NAMES
        )
        series = max(1, len(artefact.features.joint))
        like = cls.fresh(artefact, series)
        like.step(artefact, clock, np.zeros(series, np.int64), np.full(series, np.nan))
        found = (tensors[f"state.{k}"] for k in range(sum(name.startswith("state.") for name in tensors)))
        state = refilled(like.state, found)
        known = Floor.of(floor, len(tensors["static"]))
        return cls(Ring(**ring), known, RecentErrors.of(**errors) if errors else None, state, tensors["static"])


def _rows_kept(artefact: Artefact) -> int:
    return max(artefact.plan.window, artefact.network.scale.reach or 0)


def _values(group: Any) -> list[Array]:
    return list(vars(group).values())


def _joined(group: Any, more: Any) -> Any:
    """Two dataclasses of arrays as one."""
    return type(group)(*map(np.concatenate, zip(_values(group), _values(more), strict=True)))


def _each(group: Any, change: Any) -> Any:
    """A dataclass of arrays with `change` applied to each."""
    return type(group)(*map(change, _values(group)))
