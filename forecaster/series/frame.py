"""The border: any long frame in, series on a grid out, and every repair told.

After `check` a series is sorted, unique per time, on one step and finite or NaN; nobody checks again.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster import columns
from forecaster.errors import DataError
from forecaster.series import frequency, step
from forecaster.series.clock import Clock
from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Floats, Grid
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles

__all__ = ["Checked", "check"]

_FEW_ROWS = 10
"""A series with fewer rows takes the step of the majority when it fits there: its own is a guess."""
_SPARSE = 20
"""Grid rows per row above which a series' times are no grid at all."""


@dataclass(frozen=True)
class Checked:
    """Series on their grids, one grid a step, and where each input row went.

    Shapes: `grid_of`, `series_of` and `position_of` are [rows of the input]; -1 where a row was dropped.
        `series_of` names the first channel's series; channel c is c series further on.
    """

    grids: list[Grid]
    grid_of: Ints
    series_of: Ints
    position_of: Ints
    quality: Quality
    roles: Roles


@dataclass(frozen=True)
class _Rows:
    """Clean rows of the input, sorted by series and time."""

    names: "npt.NDArray[np.object_]"
    codes: Ints
    times: Ints
    source: Ints
    """Row of the input that each came from."""
    numbers: Floats
    """[rows, targets + past + future + static]"""
    doubles: Ints
    """[doubles, 2]: a row of the input that shares its time with a later one, and that later one."""


def check(
    frame: pd.DataFrame, roles: Roles, *, freq: str | None = None, zone: str | None = None, strict: bool = False
) -> Checked:
    """Series on their grids from a long frame `unique_id, ds, y` and what else `roles` names.

    Missing: absent grid rows, infinities and text like NaN become NaN; all-missing series are skipped
    Raises:  DataError when a column is absent or unreadable, when no row is left, or with `strict`
        when anything had to be repaired
    """
    quality = Quality()
    _require_columns(frame, roles)
    clock = Clock.of(frame[columns.DS], zone)
    rows = _sorted(_clean(frame, roles, clock, quality), quality)
    if len(rows.times) == 0:
        raise DataError("no usable row: every row lacks a unique_id or a time, or the input is empty.")
    rows, clock, steps = _steps(frame, rows, clock, freq, quality)
    checked = _grids(rows, clock, steps, roles, len(frame), quality)
    repairs = quality.of("repair")
    if strict and repairs:
        raise DataError(f"{repairs[0].reason} ({repairs[0].rows} rows). Repair the input, or leave out --strict.")
    return checked


def _require_columns(frame: pd.DataFrame, roles: Roles) -> None:
    if len(frame) == 0:
        raise DataError("the input has no rows.")
    wanted = [columns.UNIQUE_ID, columns.DS, *roles.targets, *roles.covariates, *roles.static]
    absent = [name for name in wanted if name not in frame.columns]
    if absent:
        hint = "" if absent[0] != columns.Y else " Name the columns to forecast with --targets A,B."
        raise DataError(
            f"no column '{absent[0]}'. Expected a long table with {', '.join(wanted)}; "
            f"found {', '.join(map(str, frame.columns))}.{hint}"
        )


def _clean(frame: pd.DataFrame, roles: Roles, clock: Clock, quality: Quality) -> _Rows:
    """Rows with a name and a time, their numbers finite or NaN."""
    wanted = [*roles.targets, *roles.covariates, *roles.static]
    numbers = np.column_stack([_numbers(frame[name]) for name in wanted])
    endless = np.isinf(numbers)
    if endless.any():
        quality.add("repair", "infinite values read as missing", rows=int(endless.any(axis=1).sum()))
        numbers[endless] = np.nan
    present = (frame[columns.UNIQUE_ID].notna() & frame[columns.DS].notna()).to_numpy()
    if not present.all():
        quality.add("repair", "rows without unique_id or ds left out", rows=int((~present).sum()))
    kept = frame.loc[present, [columns.UNIQUE_ID, columns.DS]]
    codes, names = pd.factorize(kept[columns.UNIQUE_ID])
    times = clock.encode(kept[columns.DS])
    source = np.flatnonzero(present)
    none = np.zeros((0, 2), np.int64)
    return _Rows(np.asarray(names, object), codes.astype(np.int64), times, source, numbers[present], none)


def _numbers(column: "pd.Series[Any]") -> Floats:
    if pd.api.types.is_bool_dtype(column.dtype):
        return np.asarray(column, np.float64)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return np.asarray(column.to_numpy(np.float64, na_value=np.nan))
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    numbers = pd.to_numeric(column, errors="coerce")
    empty = column.isna() | column.astype(str).str.strip().str.lower().isin(["", "nan", "na", "null", "none"])
    bad = numbers.isna() & ~empty
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise DataError(
            f"column '{column.name}': {int(bad.sum())} values are no numbers, first {column.iloc[row]!r} in row {row}. "
            "Leave such cells empty, or drop the rows."
        )
    return np.asarray(numbers.to_numpy(np.float64, na_value=np.nan))


def _sorted(rows: _Rows, quality: Quality) -> _Rows:
    """Rows by series and time, the last of any that share both."""
    same = rows.codes[1:] == rows.codes[:-1]
    grouped = not (np.diff(rows.codes) < 0).any()
    if grouped and not (same & (np.diff(rows.times) < 0)).any():
        order = np.arange(len(rows.times))
    else:
        order = np.lexsort((np.arange(len(rows.times)), rows.times, rows.codes))
        behind = np.flatnonzero(_out_of_order(rows))
        if len(behind):
            quality.add("repair", "rows out of time order sorted", rows=len(behind))
    rows = _picked(rows, order)
    last = np.ones(len(rows.times), bool)
    last[:-1] = (rows.codes[1:] != rows.codes[:-1]) | (rows.times[1:] != rows.times[:-1])
    if not last.all():
        names, counts = np.unique(rows.names[rows.codes[~last]].astype(str), return_counts=True)
        quality.add_series("repair", "duplicate times: the last row wins", zip(names, map(int, counts), strict=True))
    kept = np.flatnonzero(last)
    twins = kept[np.searchsorted(kept, np.flatnonzero(~last))]
    doubles = np.column_stack([rows.source[~last], rows.source[twins]])
    return replace(_picked(rows, kept), doubles=doubles)


def _out_of_order(rows: _Rows) -> "npt.NDArray[np.bool_]":
    """Rows whose time lies before that of an earlier row of the same series."""
    order = np.argsort(rows.codes, kind="stable")
    codes, times = rows.codes[order], rows.times[order]
    behind = np.zeros(len(order), bool)
    behind[1:] = (codes[1:] == codes[:-1]) & (times[1:] < times[:-1])
    return behind


def _picked(rows: _Rows, chosen: Ints) -> _Rows:
    return replace(
        rows,
        codes=rows.codes[chosen],
        times=rows.times[chosen],
        source=rows.source[chosen],
        numbers=rows.numbers[chosen],
    )


def _steps(
    frame: pd.DataFrame, rows: _Rows, clock: Clock, freq: str | None, quality: Quality
) -> tuple[_Rows, Clock, list[Frequency]]:
    """The step of each series; times of long steps in a zone become its wall clock."""
    given = frequency.parse(freq) if freq else None
    if given is not None and (given.kind == "integer") != clock.integer:
        raise DataError(f"--freq {freq} does not fit the times in column 'ds' ({clock.dtype}).")
    if clock.zone is not None and not clock.integer:
        local = clock.with_wall()
        wall = local.encode(frame[columns.DS].iloc[rows.source])
        order = np.lexsort((wall, rows.codes))
        steps = _found(wall[order], rows.codes, given, integer=False, quality=Quality())
        if all(one.kind != "fixed" or one.size >= DAY for one in steps):
            return _picked(replace(rows, times=wall), order), local, steps
    return rows, clock, _found(rows.times, rows.codes, given, integer=clock.integer, quality=quality)


def _found(times: Ints, codes: Ints, given: Frequency | None, *, integer: bool, quality: Quality) -> list[Frequency]:
    counts = np.bincount(codes)
    if given is not None:
        return [given] * len(counts)
    found = step.infer(times, codes, integer=integer)
    kinds: dict[tuple[str, int, bool], int] = {}
    for one, rows in zip(found, counts, strict=True):
        if one is not None:
            kinds[_kind(one)] = kinds.get(_kind(one), 0) + int(rows)
    fallback = frequency.parse("int" if integer else "D")
    if not kinds:
        quality.add("note", f"no series has two times; the step is taken to be {fallback.alias}")
        return [fallback] * len(counts)
    most = max(kinds, key=lambda kind: kinds[kind])
    usual = next(one for one in found if one is not None and _kind(one) == most)
    return [
        usual if one is None or (rows < _FEW_ROWS and _fits(one, usual)) else one
        for one, rows in zip(found, counts, strict=True)
    ]


def _kind(one: Frequency) -> tuple[str, int, bool]:
    return (one.kind, one.size, one.month_end)


def _fits(short: Frequency, usual: Frequency) -> bool:
    """Could a few rows that look like `short` stand on the grid of `usual`?"""
    if short.kind == "integer" or usual.kind == "integer":
        return short.kind == usual.kind and short.size % usual.size == 0
    if usual.kind == "fixed" and short.kind == "fixed":
        return short.size % usual.size == 0
    return short.micros >= 0.7 * usual.micros


def _grids(rows: _Rows, clock: Clock, steps: list[Frequency], roles: Roles, inputs: int, quality: Quality) -> Checked:
    """One grid for each step, and the place of every input row."""
    groups: dict[tuple[str, int, bool], list[int]] = {}
    for code, one in enumerate(steps):
        groups.setdefault(_kind(one), []).append(code)
    if len(groups) > 1:
        listed = ", ".join(f"{steps[codes[0]].alias} ({len(codes)} series)" for codes in groups.values())
        quality.add("note", f"several steps in one input, each modelled apart: {listed}")
    grid_of, series_of, position_of = (np.full(inputs, -1, np.int64) for _ in range(3))
    grids: list[Grid] = []
    for codes in groups.values():
        member = np.isin(rows.codes, codes) if len(groups) > 1 else np.ones(len(rows.codes), bool)
        part = _picked(rows, np.flatnonzero(member))
        part = replace(part, codes=np.searchsorted(np.asarray(codes), part.codes), names=rows.names[codes])
        built = _grid(part, clock, steps[codes[0]], roles, quality)
        if built is None:
            continue
        grid, series, positions = built
        grid_of[part.source], series_of[part.source], position_of[part.source] = len(grids), series, positions
        grids.append(grid)
    for places in (grid_of, series_of, position_of):
        places[rows.doubles[:, 0]] = places[rows.doubles[:, 1]]
    if not grids:
        raise DataError("every series is empty: no value in column " + ", ".join(f"'{t}'" for t in roles.targets) + ".")
    return Checked(grids, grid_of, series_of, position_of, quality, roles)


def _grid(rows: _Rows, clock: Clock, one: Frequency, roles: Roles, quality: Quality) -> tuple[Grid, Ints, Ints] | None:
    """Rows of one step as a grid, with each row's series and position."""
    targets = len(roles.targets)
    empty = _empty_series(rows, targets)
    if empty.any():
        counts = np.bincount(rows.codes, minlength=len(empty))
        skipped = ((str(rows.names[c]), int(counts[c])) for c in np.flatnonzero(empty))
        quality.add_series("skip", "no value in any row", skipped)
        if empty.all():
            return None
        kept = _picked(rows, np.flatnonzero(~empty[rows.codes]))
        new = np.cumsum(~empty) - 1
        grid, series, positions = _filled(
            replace(kept, codes=new[kept.codes], names=rows.names[~empty]), clock, one, roles, quality
        )
        all_series, all_positions = np.full(len(rows.codes), -1), np.full(len(rows.codes), -1)
        all_series[~empty[rows.codes]], all_positions[~empty[rows.codes]] = series, positions
        return grid, all_series, all_positions
    return _filled(rows, clock, one, roles, quality)


def _empty_series(rows: _Rows, targets: int) -> "npt.NDArray[np.bool_]":
    seen = np.zeros(len(rows.names), bool)
    np.logical_or.at(seen, rows.codes, ~np.isnan(rows.numbers[:, :targets]).all(axis=1))
    return ~seen


def _filled(rows: _Rows, clock: Clock, one: Frequency, roles: Roles, quality: Quality) -> tuple[Grid, Ints, Ints]:
    series, channels = len(rows.names), len(roles.targets)
    first = np.searchsorted(rows.codes, np.arange(series))
    starts = rows.times[first]
    positions = _positions(rows, one, starts, first, quality)
    ends = np.concatenate([first[1:], [len(rows.codes)]]) - 1
    spans = positions[ends] + 1
    lengths = _target_lengths(rows, positions, spans, roles)
    spots = np.concatenate([[0], np.cumsum(spans)])
    wide = np.full((int(spots[-1]), rows.numbers.shape[1]), np.nan)
    wide[spots[rows.codes] + positions] = rows.numbers
    past = channels + len(roles.past)
    future = past + len(roles.future)
    grid = Grid(
        one,
        clock,
        np.repeat(rows.names, channels),
        np.tile(np.asarray(roles.targets, object), series) if roles.has_channels else None,
        np.repeat(starts, channels),
        np.concatenate([[0], np.cumsum(np.repeat(lengths, channels))]),
        _targets(wide[:, :channels], spots, lengths),
        np.repeat(spots[:-1], channels),
        np.repeat(spans, channels),
        wide[:, channels:past],
        wide[:, past:future],
        np.repeat(_last_known(rows.numbers[:, future:], rows.codes, series), channels, axis=0),
        roles.past,
        roles.future,
        roles.static,
    )
    return grid, rows.codes * channels, positions


def _positions(rows: _Rows, one: Frequency, starts: Ints, first: Ints, quality: Quality) -> Ints:
    """Grid position of each row; rows that meet in one position keep the last (it is written last)."""
    positions = one.positions(rows.times, starts[rows.codes])
    off_grid = one.times(starts[rows.codes], positions) != rows.times
    counts = np.bincount(rows.codes)
    ends = np.concatenate([first[1:], [len(rows.codes)]]) - 1
    sparse = positions[ends] + 1 > _SPARSE * counts + 1_000
    if sparse.any():
        by_row = np.arange(len(rows.codes)) - first[rows.codes]
        positions = np.where(sparse[rows.codes], by_row, positions)
        off_grid &= ~sparse[rows.codes]
        named = ((str(rows.names[c]), int(counts[c])) for c in np.flatnonzero(sparse))
        quality.add_series("repair", f"times far apart, no grid of step {one.alias}: rows taken in order", named)
    if off_grid.any():
        moved = np.bincount(rows.codes[off_grid], minlength=len(counts))
        named = ((str(rows.names[c]), int(moved[c])) for c in np.flatnonzero(moved))
        quality.add_series("repair", f"times moved to the nearest step of {one.alias}", named)
    return positions


def _target_lengths(rows: _Rows, positions: Ints, spans: Ints, roles: Roles) -> Ints:
    """Grid rows up to the end of the targets; rows after it hold future values only."""
    if not roles.future:
        return spans
    seen = ~np.isnan(rows.numbers[:, : len(roles.targets)]).all(axis=1)
    last = np.zeros(len(spans), np.int64)
    np.maximum.at(last, rows.codes[seen], positions[seen] + 1)
    return last


def _targets(wide: Floats, spots: Ints, lengths: Ints) -> Floats:
    """Targets [rows, channels] as flat series, the channels of a series one after the other."""
    channels = wide.shape[1]
    inside = np.ones(len(wide), bool)
    spans = np.diff(spots)
    if (spans != lengths).any():
        inside = np.arange(len(wide)) - np.repeat(spots[:-1], spans) < np.repeat(lengths, spans)
    kept = wide[inside]
    if channels == 1:
        return kept[:, 0]
    owner = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort(
        (np.tile(np.arange(len(kept)), channels), np.repeat(np.arange(channels), len(kept)), np.tile(owner, channels))
    )
    return kept.T.reshape(-1)[order]


def _last_known(values: Floats, codes: Ints, series: int) -> Floats:
    """Last value of each column that a series has. Shapes: [rows, K] -> [S, K]"""
    known = np.full((series, values.shape[1]), np.nan)
    for k in range(values.shape[1]):
        present = ~np.isnan(values[:, k])
        known[codes[present], k] = values[present, k]
    return known
