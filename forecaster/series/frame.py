"""The border: turns any long frame into series on a grid, and reports every repair.

After `check`, a series is sorted, unique per time, on one step and finite or NaN; later code does not check again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.counted import counted
from forecaster.errors import DataError
from forecaster.series import frequency, step
from forecaster.series.clock import Clock
from forecaster.series.compact_dates import require_counts, since_1970, years
from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Grid
from forecaster.series.likely import lacking
from forecaster.series.placing import place
from forecaster.series.quality import Quality, shortened
from forecaster.series.roles import Roles
from forecaster.series.rows import Rows, clean, in_order, picked

__all__ = ["Checked", "check"]


@dataclass(frozen=True)
class Checked:
    """Series on their grids, one grid per step, and the place of each input row.

    Shapes: `grid_of`, `series_of` and `position_of` are [rows of the input]; -1 for a dropped row.
        `series_of` is the series of the first channel; channel c is c series further on.
    """

    grids: list[Grid]
    grid_of: Ints
    series_of: Ints
    position_of: Ints
    quality: Quality
    roles: Roles

    def only(self, kept: Sequence[int]) -> "Checked":
        """The same with only some of its grids."""
        number = np.full(len(self.grids) + 1, -1)
        number[kept] = np.arange(len(kept))
        return replace(self, grids=[self.grids[k] for k in kept], grid_of=number[self.grid_of])


def check(
    frame: pd.DataFrame,
    roles: Roles,
    *,
    freq: str | None = None,
    zone: str | None = None,
    strict: bool = False,
    beside: str | None = None,
    trained_step: Frequency | None = None,
) -> Checked:
    """Series on their grids, from a long frame `unique_id, ds, y` with further columns by `roles`.

    `beside` is a column that is read elsewhere; all others are reported as not used. `trained_step` is
    the step of a trained model that knows only one: series of a single row, which do not show theirs, get it.

    Missing: absent grid rows, infinities and text like NaN become NaN; all-missing series are skipped
    Raises:  ConfigError if `freq` is far shorter than the rows' step; DataError if a column is absent or unreadable, if
        no row is left, if integer times may be dates, or with `strict` if anything had to be repaired
    """
    quality = Quality()
    _require_columns(frame, roles)
    _name_unused(frame, {*roles.targets, *roles.covariates, *roles.static, beside}, quality)
    if roles.future:
        quality.add("note", f"known in advance, at every cutoff: {', '.join(roles.future)}")
    clock = Clock.of(frame[columns.DS], zone)
    rows = in_order(clean(frame, roles, clock, quality), quality)
    if len(rows.times) == 0:
        raise DataError("no usable row: every row lacks a unique_id or a time, or the input is empty.")
    if clock.integer:
        require_counts(rows.times)
        seeming = since_1970(rows.times) or years(rows.times)
        if seeming:
            quality.add("note", seeming)
    rows, clock, steps = _steps(frame, rows, clock, freq, trained_step, quality)
    checked = _grids(rows, clock, steps, roles, len(frame), quality)
    repairs = quality.of("repair")
    if strict and repairs:
        raise DataError(
            f"{repairs[0].reason} ({counted(repairs[0].rows, 'row')}). Repair the input, or leave out --strict."
        )
    return checked


def _require_columns(frame: pd.DataFrame, roles: Roles) -> None:
    if len(frame) == 0:
        raise DataError("the input has no rows. Give one for each series and time: unique_id, ds, y.")
    absent = [name for name in roles.columns if name not in frame.columns]
    if absent:
        raise DataError(lacking(frame, absent, roles))


def _name_unused(frame: pd.DataFrame, used: set[str | None], quality: Quality) -> None:
    unused = [str(name) for name in frame.columns if name not in {columns.UNIQUE_ID, columns.DS, *used}]
    if unused:
        quality.add("note", f"columns not used: {shortened(unused)}")


def _steps(
    frame: pd.DataFrame, rows: Rows, clock: Clock, freq: str | None, trained_step: Frequency | None, quality: Quality
) -> tuple[Rows, Clock, list[Frequency]]:
    """The step of each series; times of long steps in a zone become its wall clock."""
    given = frequency.parse(freq) if freq else None
    if given is not None and (given.kind == "integer") != clock.integer:
        raise DataError(f"--freq {freq} does not fit the times in column 'ds' ({clock.dtype}).")
    if clock.zone is not None and not clock.integer:
        local = clock.with_wall()
        wall = local.encode(frame[columns.DS].iloc[rows.source])
        order = np.lexsort((wall, rows.codes))
        steps = step.steps(wall[order], rows.codes, given, integer=False, quality=Quality(), trained_step=trained_step)
        if all(one.kind != "fixed" or one.size >= DAY for one in steps):
            return picked(replace(rows, times=wall), order), local, steps
    steps = step.steps(rows.times, rows.codes, given, integer=clock.integer, quality=quality, trained_step=trained_step)
    return rows, clock, steps


def _grids(rows: Rows, clock: Clock, steps: list[Frequency], roles: Roles, inputs: int, quality: Quality) -> Checked:
    """One grid for each step, and the place of every input row."""
    groups: dict[tuple[str, int, bool], list[int]] = {}
    for code, one in enumerate(steps):
        groups.setdefault(one.grid, []).append(code)
    if len(groups) > 1:
        listed = ", ".join(f"{steps[codes[0]].alias} ({len(codes)} series)" for codes in groups.values())
        quality.add("note", f"several steps in one input, each modelled separately: {listed}")
    grid_of, series_of, position_of = (np.full(inputs, -1, np.int64) for _ in range(3))
    grids: list[Grid] = []
    for codes in groups.values():
        member = np.isin(rows.codes, codes) if len(groups) > 1 else np.ones(len(rows.codes), bool)
        part = picked(rows, np.flatnonzero(member))
        part = replace(part, codes=np.searchsorted(np.asarray(codes), part.codes), names=rows.names[codes])
        built = place(part, clock, steps[codes[0]], roles, quality)
        if built is None:
            continue
        grid, series, positions = built
        grid_of[part.source], series_of[part.source], position_of[part.source] = len(grids), series, positions
        grids.append(grid)
    for places in (grid_of, series_of, position_of):
        places[rows.doubles[:, 0]] = places[rows.doubles[:, 1]]
    if not grids:
        named, why = ", ".join(f"'{t}'" for t in roles.targets), "; ".join(quality.lines())
        raise DataError(f"every series is empty: no value in column {named} ({why}).")
    return Checked(grids, grid_of, series_of, position_of, quality, roles)
