"""Detectors that are recursions over rows: one formula serves many rows of one series and one row of many series."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.stats import norm

from forecaster.columns import LEVELS
from forecaster.detectors.base import Detector, Follower, Numbers, Sight, Views
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Blockwise", "Held", "Look"]

Held = dict[str, Array]
"""The state of some series: arrays with one entry per series."""
_UNIT_VALUES = 60
"""Number of first values from which a series not seen in training gets its units."""
_FEWEST_TRAINED = 30
"""Fewest training values that give a series units of its own."""
_ROUNDING = 1e-7
"""A spread of less than this part of the size of the values is rounding: the series is flat."""
_FLAT = 1e-3
"""The spread of a flat series, relative to the size of its values."""
_HALF_95 = 1.96
_NORMAL = norm.ppf(LEVELS)


@dataclass(frozen=True)
class Look:
    """Views of some rows of some series, in the units of each series.

    Shapes:  scores [n, T, V]; expected, half (half-width of the 95 % band), sign [n, T]; coming and
        coming_half [n]: the same expected value and half-width for the row after the last
    """

    scores: Floats
    expected: Floats
    half: Floats
    sign: Floats
    coming: Floats
    coming_half: Floats


class Blockwise(Detector):
    """A detector of single series that keeps a few numbers of each, from which it can go on with later rows.

    Each series has units: mean and deviation of the rows before `ends`, or of its first values if it was not seen in
    training. What was learnt about a series is found by its name, so other rows, or other series, can follow.
    """

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self._learnt: Held = {}
        self._names: dict[str, int] = {}

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        units = np.array([_units(grid.values(s)[: ends[s]]) for s in range(grid.series)])
        self._names = {grid.label(s): s for s in range(grid.series)}
        own = self.learn([(grid.values(s)[: ends[s]] - units[s, 0]) / units[s, 1] for s in range(grid.series)], grid)
        self._learnt = {"units.centre": units[:, 0], "units.spread": units[:, 1], **own}
        return np.zeros(grid.series, np.int64)

    @abstractmethod
    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        """What is learnt from each series' training rows, in its units; `look` reads the entries named in `blank`."""

    @abstractmethod
    def blank(self) -> dict[str, Array]:
        """The state of a series before its first row, if nothing was learnt about it."""

    @abstractmethod
    def look(self, held: Held, z: Floats) -> Look:
        """Views of further rows in their units; updates `held`. Shapes: z [n, T], NaN where missing"""

    def views(self, grid: Grid) -> Views:
        parts = []
        for s in range(grid.series):
            held = {name: value[None].copy() for name, value in self._first(grid.label(s)).items()}
            parts.append(_in_own_units(self._look_at(held, grid.values(s)[None]), held)[0])
        return _joined(parts)

    def follow(self, clock: Clock) -> Follower:
        return _Following(self)

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        names = np.frombuffer("\0".join(self._names).encode(), np.uint8)
        save_file({**{k: np.ascontiguousarray(v) for k, v in self._learnt.items()}, "names": names}, folder / _FILE)

    def load(self, folder: Path) -> None:
        learnt = load_file(folder / _FILE)
        names = learnt.pop("names").tobytes().decode()
        self._names = {name: s for s, name in enumerate(names.split("\0"))}
        self._learnt = learnt

    @property
    def learnt(self) -> set[str]:
        """Names of the state that was learnt for each series; it does not depend on later rows."""
        return set(self._learnt) & set(self._first(None))

    def _first(self, name: str | None) -> Held:
        """The state of a series before its first row, with what was learnt about it."""
        units = {"centre": np.nan, "spread": np.nan, "count": 0.0, "total": 0.0, "square": 0.0}
        blank = {**{f"units.{key}": np.array(value) for key, value in units.items()}, **self.blank()}
        if name is None or name not in self._names:
            return blank
        return {**blank, **{key: value[self._names[name]] for key, value in self._learnt.items() if key in blank}}

    def _look_at(self, held: Held, y_nT: Floats) -> Look:
        """Views of rows; the first values of a series without units only serve to find these."""
        fresh = np.isnan(held["units.spread"])
        if not fresh.any():
            return self.look(held, (y_nT - held["units.centre"][:, None]) / held["units.spread"][:, None])
        if y_nT.shape[1] > 1:
            # A single series: its first values are added to the sums, then the rest is judged.
            counts = np.cumsum(~np.isnan(y_nT[0])) + held["units.count"][0]
            first = int(np.searchsorted(counts, _UNIT_VALUES)) + 1
            _add_first(held, y_nT[:, :first], np.array([0]))
            before = self.look({k: v.copy() for k, v in held.items()}, np.full_like(y_nT[:, :first], np.nan))
            return before if first >= y_nT.shape[1] else _joined_looks(before, self._look_at(held, y_nT[:, first:]))
        _add_first(held, y_nT, np.flatnonzero(fresh))
        centre, spread = held["units.centre"][:, None], held["units.spread"][:, None]
        z_nT = np.where(fresh[:, None], np.nan, (y_nT - centre) / spread)
        kept = {name: value[fresh] for name, value in held.items()}
        look = self.look(held, z_nT)
        for name, value in kept.items():
            held[name][fresh] = value
        return look


_FILE = "learnt.safetensors"


class _Following(Follower):
    """The streaming form: the same formula, one row of some series at a time."""

    def __init__(self, detector: Blockwise) -> None:
        self._detector = detector
        self._held = Numbers(**detector._first(None))

    def begin(self, grid: Grid) -> None:
        self._held.grow(grid.series)
        for s in range(grid.series):
            self.meet(s, grid.label(s))
            held = {name: value[[s]].copy() for name, value in self._held.state().items()}
            self._detector._look_at(held, grid.values(s)[None])
            self._put(np.array([s]), held)

    def meet(self, series: int, name: str) -> None:
        self._held.grow(series + 1)
        for key, value in self._detector._first(name).items():
            self._held[key][series] = value

    def forget(self, series: Ints) -> None:
        learnt = {key: self._held[key][series] for key in self._detector.learnt}
        self._held.forget(series)
        self._put(series, learnt)

    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        self._held.grow(int(series.max()) + 1)
        # What was learnt is large in some detectors, and only read: if all series step, it is not even copied.
        every = len(series) == self._held.series
        lessons = {name for name in self._detector.learnt if not name.startswith("units.")}
        # If they also come in order, nothing else is copied either: the state is changed in place.
        some = slice(None) if every and (np.diff(series) == 1).all() else series
        held = {name: value if every and name in lessons else value[some] for name, value in self._held.state().items()}
        views, ahead = _in_own_units(self._detector._look_at(held, values[:, None]), held)
        self._put(some, {name: value for name, value in held.items() if name not in lessons})
        return Sight(_joined([views]), ahead)

    def _put(self, series: Ints | slice, held: Held) -> None:
        for name, value in held.items():
            self._held[name][series] = value

    def state(self) -> dict[str, Array]:
        return self._held.state()

    def restore(self, state: Mapping[str, Array]) -> None:
        self._held.restore(state)


def _units(rows_T: Floats) -> tuple[float, float]:
    """Mean and deviation of training values, NaN if there are too few."""
    known = rows_T[~np.isnan(rows_T)]
    if len(known) < _FEWEST_TRAINED:
        return np.nan, np.nan
    centre = float(known.mean())
    return centre, _spread(float(known.std()), centre)


def _spread(deviation: float, centre: float) -> float:
    return max(deviation if deviation > _ROUNDING * abs(centre) else _FLAT * abs(centre), 1e-9)


def _add_first(held: Held, y_nT: Floats, series: Ints) -> None:
    """Add first values of some series to their sums; series with enough of them get units."""
    seen = ~np.isnan(y_nT[series])
    values = np.where(seen, y_nT[series], 0.0)
    for name, more in (("count", seen.sum(1)), ("total", values.sum(1)), ("square", (values**2).sum(1))):
        held[f"units.{name}"][series] += more
    for s in series[held["units.count"][series] >= _UNIT_VALUES]:
        count, total, square = (float(held[f"units.{name}"][s]) for name in ("count", "total", "square"))
        centre = total / count
        held["units.centre"][s] = centre
        held["units.spread"][s] = _spread(np.sqrt(max(square / count - centre**2, 0.0)), centre)


def _in_own_units(look: Look, held: Held) -> tuple[Views, Floats]:
    """Views with bands in units of y, [n, T, ...], and quantiles of the next row, [n, Q]."""
    centre, spread = held["units.centre"], held["units.spread"]
    expected = centre[:, None] + spread[:, None] * look.expected
    half = spread[:, None] * look.half
    ahead = (centre + spread * look.coming)[:, None] + (spread * look.coming_half / _HALF_95)[:, None] * _NORMAL
    views = Views(look.scores, expected, expected - half, expected + half, look.sign)
    return views, ahead


def _joined(parts: list[Views]) -> Views:
    """Views of several series end to end. Shapes: [1, T, ...] each -> [N, ...]"""
    each = ([getattr(part, field.name) for part in parts] for field in fields(Views))
    return Views(*(np.concatenate([one.reshape(-1, *one.shape[2:]) for one in values]) for values in each))


def _joined_looks(first: Look, second: Look) -> Look:
    """Two looks at consecutive rows of the same series, as one."""
    both = {
        name: np.concatenate([getattr(first, name), getattr(second, name)], axis=1)
        for name in ("scores", "expected", "half", "sign")
    }
    return Look(**both, coming=second.coming, coming_half=second.coming_half)
