"""Incremental forecasts: any number of series of one model, each advanced row by row; new series may join."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.errors import ArtifactError
from forecaster.layers.threads import limited
from forecaster.panel.beside import siblings
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.floor import raised
from forecaster.training.network_state import NetworkState

__all__ = ["Carried", "Outlooks"]

_SERIES_AT_ONCE = 2_048

Found = tuple[Floats, ...]
"""The fields of `Outlooks`, as far as they are wanted."""
_Advance = Callable[[Ints, Ints, Floats], Found]
"""Series, times and values, [n] each."""


@dataclass(frozen=True)
class Outlooks:
    """Forecasts from the newest rows of some series, with widths adapted to recent errors or not.

    Shapes: [n, H, Q] each; `adapted` is [n, 1, Q] if both are wanted
    Units:  those of each series
    """

    adapted: Floats
    unadapted: Floats | None = None
    """None unless both are wanted."""


@dataclass
class Carried:
    """Series of one model, or of an ensemble, in groups that are stepped together.

    A step gives the same as the pass over all rows of a series, to 1e-5. Series are numbered from 0 on; a number that
    was not stepped before is a new series, whose first row this is. Joint targets are stepped together, in their order.

    Raises: ArtifactError for models that cannot be stepped: with covariates, or with a scale without `reach`
    """

    artefact: Artefact
    clock: Clock
    both: bool = True
    """Give forecasts with unadapted widths as well, and adapted ones of the next step only: detectors score against
    unadapted widths and report adapted ones."""
    groups: list[list[NetworkState]] = field(default_factory=list)
    """For each group of series, the state of each member of the ensemble."""
    series: int = 0
    _forgotten: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        for member in self.artefact.members:
            _require_steps(member)
            member.network.on("cpu")

    @classmethod
    def after(cls, artefact: Artefact, grid: Grid, *, both: bool = True) -> "Carried":
        """The state after the last row of each series of a grid, computed by the pass."""
        made = cls(artefact, grid.clock, both, series=grid.series)
        whole = [NetworkState.after(member, grid) for member in artefact.members]
        if made._targets > 1:
            _, place = siblings(grid, artefact.features.joint)
            _require_all(place, np.arange(grid.series) % made._targets, artefact)
        for begin in range(0, grid.series, made._at_once):
            made.groups.append([state.some(slice(begin, begin + made._at_once)) for state in whole])
        return made

    @property
    def _targets(self) -> int:
        """Number of joint targets, whose series are stepped together."""
        return max(1, len(self.artefact.features.joint))

    @property
    def _at_once(self) -> int:
        """Number of series in a group; joint targets are always in the same group."""
        return _SERIES_AT_ONCE // self._targets * self._targets

    def step(self, series: Ints, times: Ints, values: Floats) -> Outlooks:
        """Take in one more row of some series, and forecast from it.

        Shapes: [n] each; series in ascending order, values NaN where missing
        """
        whole = series[:: self._targets] // self._targets * self._targets
        together = np.repeat(whole, self._targets)[: len(series)] + np.arange(len(series)) % self._targets
        _require_all(series, together, self.artefact)
        horizon = self.artefact.plan.horizon
        with limited(self.artefact.plan.training.threads), torch.inference_mode():
            shares = [(rows, advance) for rows, advance in self._shares(series) if len(rows)]
            if len(shares) == 1:
                return Outlooks(*shares[0][1](series, times, values))
            steps = (1, horizon) if self.both else (horizon,)
            found = tuple(np.empty((len(series), each, len(LEVELS))) for each in steps)
            for rows, advance in shares:
                for whole_n, one in zip(found, advance(series[rows], times[rows], values[rows]), strict=True):
                    whole_n[rows] = one
        return Outlooks(*found)

    def forget(self, series: Ints) -> None:
        """Forget some series, so that their next row is their first."""
        self._forgotten |= set(series.tolist())

    def _shares(self, series: Ints) -> Iterator[tuple[Ints, _Advance]]:
        """Splits series by how they advance: known ones by group, forgotten ones that restart, and new ones."""
        anew = np.isin(series, list(self._forgotten)) if self._forgotten else np.zeros(len(series), bool)
        new = series >= self.series
        number = np.where(anew | new, -1, series // self._at_once)
        for group in np.unique(number[number >= 0]):
            yield np.flatnonzero(number == group), self._stepped
        yield np.flatnonzero(anew), self._begun_anew
        yield np.flatnonzero(new), self._begun

    def _stepped(self, series: Ints, times: Ints, values: Floats) -> Found:
        """Step some series of one group."""
        group, inside = self.groups[series[0] // self._at_once], series % self._at_once
        if len(inside) == len(group[0].static_BK):
            return self._each(group, times, values)
        if 2 * len(inside) > len(group[0].static_BK):
            return self._all_but_idle(group, inside, times, values)
        chosen = _slice(inside)
        some = [state.some(chosen) for state in group]
        found = self._each(some, times, values)
        for state, new in zip(group, some, strict=True):
            state.put(chosen, new)
        return found

    def _all_but_idle(self, group: list[NetworkState], inside: Ints, times: Ints, values: Floats) -> Found:
        """Step most series of a group: all are stepped, then those without a row are set back, which copies less."""
        idle = np.ones(len(group[0].static_BK), bool)
        idle[inside] = False
        chosen = _slice(np.flatnonzero(idle))
        kept = [state.some(chosen) for state in group]
        every_times, every_values = np.full(len(idle), times[0]), np.full(len(idle), np.nan)
        every_times[inside], every_values[inside] = times, values
        found = self._each(group, every_times, every_values)
        for state, before in zip(group, kept, strict=True):
            state.put(chosen, before)
        return tuple(one[inside] for one in found)

    def _begun_anew(self, series: Ints, times: Ints, values: Floats) -> Found:
        """Take in the first row of series that were forgotten."""
        fresh = [NetworkState.fresh(member, len(series)) for member in self.artefact.members]
        found = self._each(fresh, times, values)
        for k, s in enumerate(series.tolist()):
            for state, new in zip(self.groups[s // self._at_once], fresh, strict=True):
                state.put(slice(s % self._at_once, s % self._at_once + 1), new.some(slice(k, k + 1)))
            self._forgotten.discard(s)
        return found

    def _begun(self, series: Ints, times: Ints, values: Floats) -> Found:
        """Take in the first row of new series."""
        assert (series == self.series + np.arange(len(series))).all(), "new series must take the next free numbers"
        fresh = [NetworkState.fresh(member, len(series)) for member in self.artefact.members]
        found, done = self._each(fresh, times, values), 0
        while done < len(series):
            room = -self.series % self._at_once
            count = min(room or self._at_once, len(series) - done)
            new = [state.some(slice(done, done + count)) for state in fresh]
            if room:
                new = [state.joined(more) for state, more in zip(self.groups.pop(), new, strict=True)]
            self.groups.append(new)
            self.series, done = self.series + count, done + count
        return found

    def _each(self, states: list[NetworkState], times: Ints, values: Floats) -> Found:
        """Step all members, and combine their forecasts; the adapted ones have the series' floor."""
        found = [
            state.step(member, self.clock, times, values, both=self.both)
            for state, member in zip(states, self.artefact.members, strict=True)
        ]
        adapted, *plain = (self.artefact.blend.of([one.numpy() for one in each]) for each in zip(*found, strict=True))
        return raised(adapted, states[0].floor.half()), *plain

    def tensors(self) -> dict[str, Tensor]:
        """The whole state, by name."""
        return {
            f"{g}.{m}.{name}": value
            for g, group in enumerate(self.groups)
            for m, state in enumerate(group)
            for name, value in state.tensors()
        }

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Remember `tensors`."""
        self.groups = []
        while any(name.startswith(f"{len(self.groups)}.") for name in tensors):
            group = []
            for m, member in enumerate(self.artefact.members):
                prefix = f"{len(self.groups)}.{m}."
                own = {k.removeprefix(prefix): value for k, value in tensors.items() if k.startswith(prefix)}
                with torch.inference_mode():
                    group.append(NetworkState.of(member, self.clock, own))
            self.groups.append(group)
        self.series = sum(len(group[0].static_BK) for group in self.groups)


def _slice(series: Ints) -> slice | Ints:
    """Neighbouring series as a slice, which is several times as fast to read and write."""
    neighbours = len(series) > 0 and int(series[-1]) - int(series[0]) == len(series) - 1
    return slice(int(series[0]), int(series[-1]) + 1) if neighbours else series


def _require_all(found: Ints, wanted: Ints, artefact: Artefact) -> None:
    if len(found) % max(1, len(artefact.features.joint)) or not np.array_equal(found, wanted):
        raise ArtifactError(
            f"joint targets advance together: give a value for each of {', '.join(artefact.features.joint)} "
            "in every series, NaN where there is none."
        )


def _require_steps(artefact: Artefact) -> None:
    plan, features = artefact.plan, artefact.features
    if features.past or features.future or artefact.plan.holidays:
        raise ArtifactError(
            "a model with --past, --future or --holidays cannot be advanced value by value: run a forecast instead."
        )
    if artefact.network.scale.reach is None:
        raise ArtifactError(f"scale '{plan.scale}' cannot be advanced value by value. Train with trailing or asinh.")
    if artefact.network.model.memory == "whole":
        raise ArtifactError(f"model '{plan.model}' is fitted to whole series: run a forecast instead.")
