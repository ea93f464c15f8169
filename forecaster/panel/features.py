"""What is fed to a network besides the series itself: calendar, covariates, gaps, static features."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from forecaster.errors import ArtifactError
from forecaster.series import calendar
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Float32s, Floats, Grid, Labels

__all__ = ["Features"]


@dataclass(frozen=True)
class Features:
    """Which features a model was trained on, and the mean and standard deviation by which each is scaled.

    Missing: a missing covariate is 0 (its mean) and raises a flag of its own where training had gaps; a category that is
        missing, or was not there in training, is 'other'
    """

    cycles: tuple[str, ...]
    gaps: bool
    """Feed whether y is seen, and how long ago it last was."""
    past: tuple[str, ...]
    future: tuple[str, ...]
    static: tuple[str, ...]
    means: tuple[float, ...]
    deviations: tuple[float, ...]
    flags: tuple[bool, ...]
    """Per past and future covariate: feed whether it is missing."""
    vocabularies: Labels = ()
    """Per static feature: its categories, none where it is a number."""
    joint: tuple[str, ...] = ()
    """Targets that see each other; none where each is by itself."""

    @classmethod
    def fit(cls, grid: Grid, train_lengths: Ints, joint: tuple[str, ...] = ()) -> "Features":
        """Features for a grid, measured on each series' first rows only. Shapes: train_lengths [S]"""
        longest = int(train_lengths.max(initial=0))
        inside = _head(grid, train_lengths)
        covariates = np.concatenate([grid.past, grid.future], axis=1)[inside]
        table = [*covariates.T, *grid.static.T]
        means = [_finite(np.nanmean(column)) if _any(column) else 0.0 for column in table]
        deviations = [_finite(np.nanstd(column)) or 1.0 if _any(column) else 1.0 for column in table]
        return cls(
            calendar.periods(grid.frequency, longest * grid.frequency.micros),
            bool(np.isnan(grid.y[grid.before(train_lengths)]).any()),
            grid.past_names,
            grid.future_names,
            grid.static_names,
            tuple(means),
            tuple(deviations),
            tuple(bool(np.isnan(column).any()) for column in covariates.T),
            tuple(_used(names, column) for names, column in zip(grid.static_labels, grid.static.T, strict=True)),
            joint,
        )

    @property
    def step_width(self) -> int:
        """Number I of features of each row itself."""
        return 2 * len(self.cycles) + 2 * self.gaps + len(self.past) + len(self.future) + sum(self.flags)

    @property
    def ahead_width(self) -> int:
        """Number F of known-future features."""
        return len(self.future) + sum(self.flags[len(self.past) :])

    @property
    def static_width(self) -> int:
        """Number of static features that are numbers."""
        return len(self.static) - len(self.categories)

    @property
    def categories(self) -> tuple[int, ...]:
        """Number of embeddings of each static feature that is not a number: one per category, and one for 'other'."""
        return tuple(1 + len(names) for names in self.vocabularies if names)

    def of(self, grid: Grid, begins: Ints | None = None) -> tuple[Float32s, Float32s, Float32s]:
        """Features of each row, of the future, and of each series: [N, I], [M, F], [S, K].

        Shapes: begins [S]: rows at positions before it are not read, and stay 0
        Raises: ArtifactError when the grid lacks a covariate that was trained on.
        """
        self._require(grid)
        split, end = len(self.past), len(self.past) + len(self.future)
        past = self._scaled(grid.past, 0, split)
        ahead = self._scaled(grid.future, split, end)
        owner, positions = _rows(grid, np.zeros_like(grid.lengths) if begins is None else begins)
        covariates = grid.covariate_starts[owner] + positions
        rows = grid.offsets[owner] + positions
        steps = np.zeros((len(grid.y), self.step_width), np.float32)
        steps[rows] = np.concatenate(
            [self._clock(grid, owner, positions), self._gaps(grid, rows), past[covariates], ahead[covariates]], axis=1
        )
        return steps, ahead.astype(np.float32), self._static(grid).astype(np.float32)

    def newest(self, clock: Clock, times: Ints, seen: Bools, age: Ints) -> Float32s:
        """Features of one row of each series, where there are no covariates: [B, I].

        Shapes: times, whether the value is seen, and rows since one was: [B]
        """
        assert self.step_width == 2 * len(self.cycles) + 2 * self.gaps, "stepping reads y only"
        parts = [calendar.cycles(clock.local(times), self.cycles)]
        if self.gaps:
            parts.append(np.column_stack([seen.astype(float), np.log1p(age) / 5]))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Features":
        """From `to_json`'s data."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        values["vocabularies"] = tuple(map(tuple, data.get("vocabularies", ())))
        return cls(**values)

    def _require(self, grid: Grid) -> None:
        for mine, theirs, option in (
            (self.past, grid.past_names, "--past"),
            (self.future, grid.future_names, "--future"),
            (self.static, grid.static_names, "--static"),
        ):
            if mine != theirs:
                raise ArtifactError(
                    f"the model was trained with {option} {','.join(mine) or '(none)'}, "
                    f"the input has {','.join(theirs) or '(none)'}. Give the same columns."
                )
        for k, name in enumerate(self.static):
            if grid.static_labels[k] and not self._vocabulary(k):
                raise ArtifactError(
                    f"column '{name}' held numbers when the model was trained, and now text like "
                    f"'{grid.static_labels[k][0]}'. Give numbers."
                )

    def _static(self, grid: Grid) -> Floats:
        """Standardised numbers, then the indices of categories: [S, K]"""
        begin = len(self.past) + len(self.future)
        scaled = np.nan_to_num((grid.static - self.means[begin:]) / np.asarray(self.deviations[begin:]))
        known = [bool(self._vocabulary(k)) for k in range(len(self.static))]
        numbers = [scaled[:, k] for k in np.flatnonzero(~np.array(known, bool))]
        kinds = [self._numbered(grid, int(k)) for k in np.flatnonzero(known)]
        return np.column_stack([*numbers, *kinds]) if known else scaled

    def _numbered(self, grid: Grid, k: int) -> Floats:
        """The number of each series' category, 0 for 'other'. Shapes: [S]"""
        numbers, names = {name: 1 + n for n, name in enumerate(self._vocabulary(k))}, grid.static_labels[k]
        # A table in which every category happens to be a number was read as numbers.
        texts = ("" if np.isnan(v) else names[int(v)] if names else f"{v:.15g}" for v in grid.static[:, k])
        return np.array([numbers.get(text, 0) for text in texts], np.float64)

    def _vocabulary(self, k: int) -> tuple[str, ...]:
        return self.vocabularies[k] if self.vocabularies else ()

    def _scaled(self, values: Floats, start: int, end: int) -> Floats:
        scaled = (values - self.means[start:end]) / np.asarray(self.deviations[start:end])
        flagged = [k for k in range(start, end) if self.flags[k]]
        missing = np.isnan(values[:, [k - start for k in flagged]]).astype(float)
        return np.concatenate([np.nan_to_num(scaled), missing], axis=1)

    def _clock(self, grid: Grid, owner: Ints, positions: Ints) -> Floats:
        if not self.cycles:
            return np.zeros((len(owner), 0))
        return calendar.cycles(grid.clock.local(grid.times(owner, positions)), self.cycles)

    def _gaps(self, grid: Grid, rows: Ints) -> Floats:
        if not self.gaps:
            return np.zeros((len(rows), 0))
        seen = ~np.isnan(grid.y)
        starts = np.repeat(grid.offsets[:-1], grid.lengths)
        latest = np.maximum(np.maximum.accumulate(np.where(seen, np.arange(len(seen)), -1)), starts - 1)
        return np.column_stack([seen[rows].astype(float), np.log1p(rows - latest[rows]) / 5])


def _rows(grid: Grid, begins: Ints) -> tuple[Ints, Ints]:
    """Series and position of each row from `begins` on."""
    counts = grid.lengths - begins
    owner = np.repeat(np.arange(grid.series), counts)
    ends = np.cumsum(counts)
    return owner, np.arange(len(owner)) + (grid.lengths - ends)[owner]


def _head(grid: Grid, train_lengths: Ints) -> Bools:
    """Covariate rows that lie in the training part of any series."""
    inside = np.zeros(len(grid.past), bool)
    for start, length in zip(grid.covariate_starts, train_lengths, strict=True):
        inside[start : start + length] = True
    return inside


def _used(names: tuple[str, ...], column: Floats) -> tuple[str, ...]:
    """Categories that at least one series has."""
    present = np.unique(column[~np.isnan(column)]).astype(np.int64)
    return tuple(names[n] for n in present) if names else ()


def _any(column: Floats) -> bool:
    return bool((~np.isnan(column)).any())


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
