"""Some series of one network, stepped together: what it remembers of each, one new value, the new forecast."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.panel.panel import pack
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.adaptive_widths import AdaptiveWidths, judged_step
from forecaster.training.artefact import Artefact
from forecaster.training.encoder_state import joined, leaves, mapped, put, refilled
from forecaster.training.late_errors import LateErrors
from forecaster.training.network import Network
from forecaster.training.passed import passed
from forecaster.training.ring import Ring

__all__ = ["Part"]


@dataclass
class Part:
    """What one network remembers of some series.

    Shapes: series first everywhere; `state` is None before the first row
    """

    ring: Ring
    late: LateErrors | None
    state: Any
    static_BK: Tensor

    @classmethod
    def fresh(cls, artefact: Artefact, series: int) -> "Part":
        """Before the first row of each."""
        plan = artefact.plan
        ring = Ring.empty(series, _rows_kept(artefact), max(plan.seasons, default=1))
        late = LateErrors.none(series, plan.horizon) if plan.adaptive else None
        return cls(ring, late, None, torch.zeros(series, artefact.features.static_width))

    @classmethod
    def after(cls, artefact: Artefact, grid: Grid) -> "Part":
        """After the last row of each series of a grid, by the pass."""
        network, plan = artefact.network.on("cpu"), artefact.plan
        season = max(plan.seasons, default=1)
        panel = pack(grid, network.scale.measure, artefact.features, season=season)
        ring = Ring.of(panel, network.scale, _rows_kept(artefact), season)
        state, late = passed(artefact, panel, grid.lengths)
        return cls(ring, late, state, panel.static_SK)

    def step(
        self, artefact: Artefact, clock: Clock, times: Ints, values_B: Tensor, *, both: bool = True
    ) -> tuple[Tensor, ...]:
        """Quantiles in own units from the new row: with widths as late errors have them, and with `both` as they were learned.

        Shapes: times, values_B [B] -> [B, H, Q] each
        """
        network, plan, ring = artefact.network, artefact.plan, self.ring
        ring.push(values_B, network.scale)
        level, spread = ring.units(network.scale)
        seen, age = ring.seen_BR[:, -1].numpy(), ring.age_B.numpy()
        steps_BI = torch.as_tensor(artefact.features.newest(clock, times, seen, age))
        steps_BI = torch.cat([steps_BI, ring.restless(level, spread)], 1)
        number_B = torch.as_tensor(artefact.frequency.numbers(times))
        shape, targets = (plan.window, plan.horizon), len(artefact.features.joint)
        batch = ring.batch(level, spread, steps_BI, self.static_BK, number_B, shape, targets)
        inputs = network.inputs(batch)
        states, self.state = network.model.encode(inputs, self.state)
        if self.late is not None:
            self.late.judge(ring.rows_B - 1, values_B, network.scale)
        outlook = network.model.decode(states[:, -1], inputs.window_BTW[:, -1], inputs.ahead_BTHF[:, -1])
        scaled = artefact.calibration.apply(network.quantiles(outlook, level, spread))
        following = scaled if self.late is None else self._following(network, self.late, scaled, level, spread)
        wanted = (following, scaled) if both else (following,)
        return tuple(network.unscaled(quantiles, level, spread) for quantiles in wanted)

    def _following(self, network: Network, late: LateErrors, scaled: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Quantiles with widths that follow late errors; judged ones are kept for their values to come."""
        at, window = self.ring.rows_B - 1, network.model.task.window
        b = torch.nonzero((at % judged_step(scaled.shape[1]) == 0) & (at >= window))[:, 0]
        if len(b):
            far = network.furthest(self.ring.y_BR[b, -window:], level[b], spread[b])
            late.keep(b, at[b], scaled[b], level[b], spread[b], far)
        return AdaptiveWidths.apply(scaled, late.factors())

    def some(self, part: Any) -> "Part":
        """A copy for some of the series."""
        late = None if self.late is None else _each(self.late, lambda value: value[part].clone())
        ring = _each(self.ring, lambda value: value[part].clone())
        return Part(ring, late, mapped(self.state, part), self.static_BK[part])

    def put(self, part: Any, new: "Part") -> None:
        """Replace some of the series by what `some` gave and was stepped on."""
        for old, one in ((self.ring, new.ring), (self.late, new.late)):
            for field in fields(old) if old is not None else ():
                getattr(old, field.name)[part] = getattr(one, field.name)
        put(self.state, part, new.state)

    def joined(self, more: "Part") -> "Part":
        """Its series and further ones."""
        late = None
        if self.late is not None and more.late is not None:
            late = LateErrors(*map(joined, zip(_values(self.late), _values(more.late), strict=True)))
        ring = Ring(*map(joined, zip(_values(self.ring), _values(more.ring), strict=True)))
        return Part(ring, late, joined([self.state, more.state]), torch.cat([self.static_BK, more.static_BK]))

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All that is remembered, by name."""
        yield "static", self.static_BK
        for prefix, group in (("ring", self.ring), ("late", self.late)):
            for field in fields(group) if group is not None else ():
                yield f"{prefix}.{field.name}", getattr(group, field.name)
        for number, value in enumerate(leaves(self.state)):
            yield f"state.{number}", value

    @classmethod
    def of(cls, artefact: Artefact, clock: Clock, tensors: Mapping[str, Tensor]) -> "Part":
        """From `tensors`."""
        ring, late = (
            {name.removeprefix(f"{group}."): value for name, value in tensors.items() if name.startswith(f"{group}.")}
            for group in ("ring", "late")
        )
        series = max(1, len(artefact.features.joint))
        like = cls.fresh(artefact, series)
        like.step(artefact, clock, np.zeros(series, np.int64), torch.full((series,), torch.nan, dtype=torch.float64))
        found = (tensors[f"state.{k}"] for k in range(sum(name.startswith("state.") for name in tensors)))
        state = refilled(like.state, found)
        return cls(Ring(**ring), LateErrors(**late) if late else None, state, tensors["static"])


def _rows_kept(artefact: Artefact) -> int:
    return max(artefact.plan.window, artefact.network.scale.reach or 0)


def _values(group: Any) -> list[Tensor]:
    return [getattr(group, field.name) for field in fields(group)]


def _each(group: Any, change: Any) -> Any:
    """A dataclass of tensors, each of them changed."""
    return type(group)(*map(change, _values(group)))
