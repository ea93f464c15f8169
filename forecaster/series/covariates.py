"""Puts values of other series beside those of a grid, as covariates, each as it was known when it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.counted import counted
from forecaster.series.frame import Checked
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Bools, Floats, Grid, Labels
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles
from forecaster.series.rows import coded

__all__ = ["Recorded", "with_covariates"]

_MICROSECOND = np.dtype("datetime64[us]")
_HELD = 1.5
"""A value of a longer step stands until the next one, but no longer than this many of its steps."""


@dataclass(frozen=True)
class Recorded:
    """Values of a series with their revisions, sorted by time and by when each was known.

    Shapes: [revisions] each
    Units:  microseconds since 1970, UTC
    """

    times: Ints
    values: Floats
    known: Ints

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "Recorded":
        """From all revisions of one series: ds, y, available_at."""
        times, known = (_micros(rows[name]) for name in (columns.DS, columns.AVAILABLE_AT))
        order = np.lexsort((known, times))
        return cls(times[order], rows[columns.Y].to_numpy(float)[order], known[order])

    @property
    def step(self) -> float:
        """Usual distance of its times; 0 of a single one."""
        apart = np.diff(np.unique(self.times))
        return float(np.median(apart)) if len(apart) else 0.0

    def newest(self) -> "Recorded":
        """The last revision of each time."""
        return self._some(np.diff(self.times, append=self.times[-1:] + 1) > 0)

    def known_before(self, lead: int) -> "Recorded":
        """For each time the last revision that was known `lead` microseconds before it, else the first one."""
        return self._some((self.known <= self.times - lead) | self._is_first).newest()

    def late(self) -> int:
        """How many times had no value before they came."""
        oldest = self._some(self._is_first)
        return int((oldest.known > oldest.times).sum())

    @property
    def _is_first(self) -> Bools:
        return np.asarray(np.diff(self.times, prepend=self.times[:1] - 1) > 0)

    def _some(self, chosen: Bools) -> "Recorded":
        return Recorded(self.times[chosen], self.values[chosen], self.known[chosen])


def with_covariates(
    checked: Checked,
    roles: Roles,
    found: Mapping[tuple[str, str], Recorded],
    said: pd.DataFrame,
    horizon: int,
) -> Checked:
    """Series with the covariates of some roles, up to `horizon` steps beyond each series' last row.

    `found` has the recorded series for a column and a `unique_id`; `said` the static columns, by `unique_id`.

    A past value is what was known at a row's time, a future one what holds from a row's time to the next. Of a series of
    a shorter step (half or less) they are the mean of the step before, or after; one of a longer step stands until its next
    row. A future value at a row is the one that was known `horizon` steps before, so that no cutoff reads
    what was not known then; after the last row it is the newest. One that was never known so early counts as known in
    advance, which is noted.

    Missing: NaN where no row is recorded
    """
    grids = [_with(grid, roles, found, said, horizon, checked.quality) for grid in checked.grids]
    for name in roles.future:
        each = {id(one): one for (column, _), one in found.items() if column == name}.values()
        late, every = sum(one.late() for one in each), sum(len(one.newest().times) for one in each)
        if late:
            line = f"{name}: {late:,} of {counted(every, 'value')} became known after their time, and count as known in advance"
            checked.quality.add("note", line)
    return replace(checked, grids=grids, roles=roles)


def _with(
    grid: Grid,
    roles: Roles,
    found: Mapping[tuple[str, str], Recorded],
    said: pd.DataFrame,
    horizon: int,
    quality: Quality,
) -> Grid:
    lengths = grid.lengths + horizon
    past, future = (np.full((int(lengths.sum()), len(names)), np.nan) for names in (roles.past, roles.future))
    begins = np.cumsum(lengths) - lengths
    for s, name in enumerate(map(str, grid.unique_id)):
        edges = grid.times(np.full(lengths[s] + 2, s), np.arange(-1, lengths[s] + 1))
        rows = slice(begins[s], begins[s] + lengths[s])
        for k, column in enumerate(roles.past):
            if (one := found.get((column, name))) is not None:
                past[rows, k] = _at(one.newest(), edges[1:-1], edges[:-2] + 1, edges[1:-1] + 1, grid.frequency)
        for k, column in enumerate(roles.future):
            if (one := found.get((column, name))) is not None:
                future[rows, k] = _ahead(one, edges, int(grid.lengths[s]), grid.frequency)
    static, labels = _static(grid, roles, said, quality)
    return replace(
        grid,
        covariate_starts=begins,
        covariate_lengths=lengths,
        past=past,
        future=future,
        static=static,
        past_names=roles.past,
        future_names=roles.future,
        static_names=roles.static,
        static_labels=labels,
    )


def _ahead(one: Recorded, edges: Ints, rows: int, step: Frequency) -> Floats:
    """Values at rows as they were known a horizon before, and beyond the last row as they are known now."""
    times, until = edges[1:-1], edges[2:]
    horizon = len(times) - rows
    early = one.known_before(horizon * step.micros)
    values = _at(early, times, times, until, step)
    values[rows:] = _at(one.newest(), times[rows:], times[rows:], until[rows:], step)
    return values


def _at(one: Recorded, times: Ints, begins: Ints, ends: Ints, step: Frequency) -> Floats:
    """Values for rows at `times`, each of whose steps goes from `begins` to before `ends`. Shapes: [rows] each"""
    if 2 * one.step <= step.micros and one.step:
        return _means(one, begins, ends)
    last = np.searchsorted(one.times, times, side="right") - 1
    age = times - one.times[np.maximum(last, 0)]
    longest = _HELD * one.step if one.step >= 2 * step.micros else one.step
    stands = (last >= 0) & ((age == 0) | (age < longest))
    return np.where(stands, one.values[np.maximum(last, 0)], np.nan)


def _means(one: Recorded, begins: Ints, ends: Ints) -> Floats:
    first, last = (np.searchsorted(one.times, edge) for edge in (begins, ends))
    sums = np.concatenate([[0.0], np.cumsum(one.values)])
    with np.errstate(invalid="ignore"):
        return np.where(last > first, (sums[last] - sums[first]) / (last - first), np.nan)


def _static(grid: Grid, roles: Roles, said: pd.DataFrame, quality: Quality) -> tuple[Floats, Labels]:
    """What is said of each series. Shapes: [S, K]"""
    known = said.reindex(grid.unique_id.astype(str))
    both = [coded(known[name], quality) for name in roles.static]
    values = [numbers for numbers, _ in both]
    static = np.column_stack(values) if values else np.zeros((grid.series, 0))
    return static, tuple(labels for _, labels in both)


def _micros(times: "pd.Series[pd.Timestamp]") -> Ints:
    return np.asarray(
        pd.to_datetime(times, utc=True).dt.tz_convert(None).to_numpy().astype(_MICROSECOND).view(np.int64)
    )
