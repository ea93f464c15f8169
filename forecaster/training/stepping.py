"""Series carried on value by value: the stored state of each, one new value, the new forecast.

carried = Stepping.begin(artefact, grid)      # one pass over all there is
found = carried.step(values)                  # one value a series, NaN where there is none
carried.save(folder); carried = Stepping.load(folder, artefact)
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.errors import ArtifactError, ConfigError
from forecaster.layers.threads import limited
from forecaster.models.base import Inputs
from forecaster.panel.panel import pack
from forecaster.series.clock import Clock
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.adaptive_widths import AdaptiveWidths, judged_step
from forecaster.training.artefact import Artefact
from forecaster.training.encoder_state import leaves, mapped, rebuilt, shape_of
from forecaster.training.late_errors import LateErrors
from forecaster.training.network import Network
from forecaster.training.passed import passed
from forecaster.training.ring import Ring
from forecaster.training.walk import Forecasts

__all__ = ["Stepping"]

FORMAT = 1
_SERIES_AT_ONCE = 2_048
_TENSORS, _DESCRIPTION = "state.safetensors", "state.json"


@dataclass
class Stepping:
    """Some series, each where its last value left it; a step equals the pass over all its rows to 1e-5.

    Raises: ArtifactError for what has no form for one value at a time: ensembles, covariates, and scales without `reach`
    """

    artefact: Artefact
    frequency: Frequency
    clock: Clock
    names: tuple[str, ...]
    starts: Ints
    """Time of each series' first row."""
    parts: "list[_Part]"

    @classmethod
    def begin(cls, artefact: Artefact, grid: Grid) -> "Stepping":
        """From all rows of a grid, by the pass."""
        _require_steps(artefact)
        network, plan = artefact.network.on("cpu"), artefact.plan
        season = max(plan.seasons, default=1)
        panel = pack(grid, network.scale.measure, artefact.features, season=season)
        size = max(plan.window, network.scale.reach or 0)
        ring = Ring.of(panel, network.scale, size, season)
        state, late = passed(artefact, panel, grid.lengths)
        parts = []
        for begin in range(0, grid.series, _SERIES_AT_ONCE):
            part = slice(begin, begin + _SERIES_AT_ONCE)
            kept = None if late is None else _some(late, part)
            parts.append(_Part(_some(ring, part), kept, mapped(state, part), panel.static_SK[part]))
        names = tuple(grid.label(s) for s in range(grid.series))
        return cls(artefact, grid.frequency, grid.clock, names, grid.starts, parts)

    def step(self, values: Floats) -> Forecasts:
        """One more value of each series, and the forecasts from there; series as they stood in the grid.

        Shapes: [S], NaN where a value is missing
        """
        assert values.shape == self.starts.shape, (values.shape, self.starts.shape)
        shape = (len(values), self.artefact.plan.horizon, len(LEVELS))
        found, begin = torch.empty(shape, dtype=torch.float64), 0
        with limited(self.artefact.plan.training.threads), torch.inference_mode():
            for part in self.parts:
                end = begin + len(part.ring.rows_B)
                times = self.frequency.times(self.starts[begin:end], part.ring.rows_B.numpy())
                found[begin:end] = part.step(self.artefact, self.clock, times, torch.as_tensor(values[begin:end]))
                begin = end
        cutoffs = np.concatenate([part.ring.rows_B.numpy() for part in self.parts]) - 1
        return Forecasts(np.arange(len(cutoffs)), cutoffs, found.numpy())

    def save(self, folder: Path) -> None:
        """Write it into a folder: safetensors and JSON. Raises: ConfigError when the folder cannot be written"""
        clock = {"dtype": self.clock.dtype, "zone": None if self.clock.zone is None else str(self.clock.zone)}
        description = {
            "format": FORMAT,
            "artefact": self.artefact.name,
            "names": self.names,
            "clock": {**clock, "wall": self.clock.wall, "text": self.clock.text},
            "state": shape_of(self.parts[0].state),
            "parts": len(self.parts),
        }
        tensors = {f"{n}.{name}": value for n, part in enumerate(self.parts) for name, value in part.tensors()}
        tensors["starts"] = torch.as_tensor(self.starts)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            save_file({name: value.contiguous() for name, value in tensors.items()}, folder / _TENSORS)
            (folder / _DESCRIPTION).write_text(json.dumps(description) + "\n")
        except OSError as error:
            raise ConfigError(f"cannot write the state to '{folder}': {error.strerror or error}.") from error

    @classmethod
    def load(cls, folder: Path, artefact: Artefact) -> "Stepping":
        """Read it from a folder. Raises: ArtifactError when it is absent, damaged or another model's"""
        try:
            description = json.loads((folder / _DESCRIPTION).read_text())
            tensors = load_file(folder / _TENSORS)
        except (OSError, ValueError, SafetensorError) as error:
            raise ArtifactError(
                f"'{folder}' holds no readable state ({error}). Begin it anew from the rows."
            ) from error
        if description["artefact"] != artefact.name:
            raise ArtifactError(
                f"the state in '{folder}' is that of {description['artefact']}, not of {artefact.name}. Begin it anew."
            )
        parts = [_Part.of(tensors, number, description["state"]) for number in range(description["parts"])]
        clock = Clock(**description["clock"])
        starts = tensors["starts"].numpy()
        return cls(artefact, artefact.frequency, clock, tuple(description["names"]), starts, parts)


@dataclass
class _Part:
    """Some series, stepped together."""

    ring: Ring
    late: LateErrors | None
    state: Any
    static_BK: Tensor

    def step(self, artefact: Artefact, clock: Clock, times: Ints, values_B: Tensor) -> Tensor:
        """Quantiles in own units from the new row, [B, H, Q]."""
        network, plan, ring = artefact.network, artefact.plan, self.ring
        ring.push(values_B, network.scale)
        level, spread = ring.units(network.scale)
        seen, age = ring.seen_BR[:, -1].numpy(), ring.age_B.numpy()
        steps_BI = torch.as_tensor(artefact.features.newest(clock, times, seen, age))
        steps_BI = torch.cat([steps_BI, ring.restless(level, spread)], 1)
        number_B = torch.as_tensor(artefact.frequency.numbers(times))
        batch = ring.batch(level, spread, steps_BI, self.static_BK, number_B, (plan.window, plan.horizon))
        inputs = Inputs.of(batch, network.scale)
        states, self.state = network.model.encode(inputs, self.state)
        if self.late is not None:
            self.late.judge(ring.rows_B - 1, values_B, network.scale)
        outlook = network.model.decode(states[:, -1], inputs.window_BTW[:, -1], inputs.ahead_BTHF[:, -1])
        scaled = artefact.calibration.apply(network.quantiles(outlook, level, spread))
        return network.unscaled(self._fitting(network, scaled, level, spread), level, spread)

    def _fitting(self, network: Network, scaled: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Quantiles with widths that follow late errors; judged ones are kept for their values to come."""
        if self.late is None:
            return scaled
        at, window = self.ring.rows_B - 1, network.model.task.window
        b = torch.nonzero((at % judged_step(scaled.shape[1]) == 0) & (at >= window))[:, 0]
        if len(b):
            far = network.furthest(self.ring.y_BR[b, -window:], level[b], spread[b])
            self.late.keep(b, at[b], scaled[b], level[b], spread[b], far)
        return AdaptiveWidths.apply(scaled, self.late.factors())

    def tensors(self) -> Iterator[tuple[str, Tensor]]:
        """All that is remembered, by name."""
        yield "static", self.static_BK
        for prefix, group in (("ring", self.ring), ("late", self.late)):
            for field in fields(group) if group is not None else ():
                yield f"{prefix}.{field.name}", getattr(group, field.name)
        for number, value in enumerate(leaves(self.state)):
            yield f"state.{number}", value

    @classmethod
    def of(cls, tensors: dict[str, Tensor], number: int, shape: Any) -> "_Part":
        """From `tensors`."""
        own = {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{number}.")}
        ring, late = (
            {name.removeprefix(f"{group}."): value for name, value in own.items() if name.startswith(f"{group}.")}
            for group in ("ring", "late")
        )
        found = (own[f"state.{k}"] for k in range(sum(name.startswith("state.") for name in own)))
        return cls(Ring(**ring), LateErrors(**late) if late else None, rebuilt(shape, found), own["static"])


def _require_steps(artefact: Artefact) -> None:
    plan, features = artefact.plan, artefact.features
    if artefact.others:
        raise ArtifactError("an ensemble is not carried on value by value: begin with one of its members.")
    if features.past or features.future or plan.holidays:
        raise ArtifactError(
            "a model with --past, --future or --holidays is not carried on value by value: forecast anew."
        )
    if artefact.network.scale.reach is None:
        raise ArtifactError(f"scale '{plan.scale}' has no form for one value at a time. Train with trailing or asinh.")
    if artefact.network.model.memory == "whole":
        raise ArtifactError(f"model '{plan.model}' refits at each cutoff: forecast anew.")


def _some(group: Any, part: Any) -> Any:
    """A dataclass of tensors, for some series."""
    return type(group)(*(getattr(group, field.name)[part].clone() for field in fields(group)))
