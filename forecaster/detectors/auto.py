"""Several detectors together: `--detector auto`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forecaster import options, plugins
from forecaster.detectors.base import Detector, Follower, Kinds, Sight, Views
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Auto"]


class Auto(Detector):
    """The views of several detectors side by side, each calibrated on its own; expected values are the first one's.

    Shapes:  the members' views, one after the other
    Missing: as in the members
    Fails:   as the members do: more views find more anomalies, but any one of them can give a false alarm
    Source:  the members were chosen by the measurements in docs/experiments.md
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Detector.Config):
        members: str = "ridge,profile,seen_range,far_ahead,long_runs"
        """Files in `detectors/`, separated by commas."""

        def __post_init__(self) -> None:
            if not self.names:
                raise ValueError("members must name a detector")

        @property
        def names(self) -> tuple[str, ...]:
            """The names of the members."""
            return tuple(name.strip() for name in self.members.split(",") if name.strip())

    config: Config

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        found = [plugins.load("detectors", name) for name in self.config.names]
        self._members: list[Detector] = [each(options.make(each.Config, {})) for each in found]
        self.view_names = tuple(_grouped(self._members, [np.array(one.view_names, object) for one in self._members]))
        self.kinds = Kinds(*map(sum, zip(*(member.kinds for member in self._members), strict=True)))
        self.trains = any(member.trains for member in self._members)
        self.learns_labels = any(member.learns_labels for member in self._members)

    def teach(self, marks_N: Floats) -> None:
        for member in self._members:
            member.teach(marks_N)

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        begins = [member.fit(grid, ends, settings if member.trains else {}) for member in self._members]
        return np.asarray(np.max(begins, axis=0))

    def views(self, grid: Grid) -> Views:
        return _together(self._members, [member.views(grid) for member in self._members])

    def follow(self, clock: Clock) -> Follower:
        return _Following(self._members, [member.follow(clock) for member in self._members])

    def save(self, folder: Path) -> None:
        for name, member in zip(self.config.names, self._members, strict=True):
            (folder / name).mkdir(parents=True, exist_ok=True)
            member.save(folder / name)

    def load(self, folder: Path) -> None:
        for name, member in zip(self.config.names, self._members, strict=True):
            member.load(folder / name)


class _Following(Follower):
    """The streaming form: each member follows on its own."""

    def __init__(self, detectors: Sequence[Detector], members: Sequence[Follower]) -> None:
        self._detectors, self._members = detectors, members

    def begin(self, grid: Grid) -> None:
        for member in self._members:
            member.begin(grid)

    def meet(self, series: int, name: str) -> None:
        for member in self._members:
            member.meet(series, name)

    def forget(self, series: Ints) -> None:
        for member in self._members:
            member.forget(series)

    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        sights = [member.step(series, times, values) for member in self._members]
        return Sight(_together(self._detectors, [one.views for one in sights]), sights[0].ahead)

    def state(self) -> dict[str, Array]:
        return {
            f"{k}.{name}": value for k, member in enumerate(self._members) for name, value in member.state().items()
        }

    def restore(self, state: Mapping[str, Array]) -> None:
        for k, member in enumerate(self._members):
            member.restore({name.removeprefix(f"{k}."): v for name, v in state.items() if name.startswith(f"{k}.")})


def _together(members: Sequence[Detector], parts: Sequence[Views]) -> Views:
    """Views side by side, grouped by kind; expected values and signs are those of the first member."""
    return replace(parts[0], scores=_grouped(members, [one.scores for one in parts]))


def _grouped(members: Sequence[Detector], parts: Sequence[Array]) -> Array:
    """What there is of each member's views, all members' side by side, grouped by kind. Shapes: [..., V] each"""
    columns: tuple[list[Array], ...] = ([], [], [], [])
    for member, one in zip(members, parts, strict=True):
        width, kinds = one.shape[-1], member.kinds
        ends = (width - sum(kinds), width - kinds.hints - kinds.chances, width - kinds.chances)
        for group, part in zip(columns, np.split(one, ends, axis=-1), strict=True):
            group.append(part)
    return np.concatenate([part for group in columns for part in group], axis=-1)
