"""Places the rows of one step on their grid, and reports those that do not fit."""

from dataclasses import replace

import numpy as np

from forecaster.series.clock import Clock
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Bools, Floats, Grid
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles
from forecaster.series.rows import Rows, picked

__all__ = ["place"]

_SPARSE = 20
"""With more grid rows per input row than this, a series' times do not form a grid."""


def place(rows: Rows, clock: Clock, one: Frequency, roles: Roles, quality: Quality) -> tuple[Grid, Ints, Ints] | None:
    """Rows of one step as a grid, with each row's series and position."""
    targets = len(roles.targets)
    empty = _empty_series(rows, targets)
    if empty.any():
        counts = np.bincount(rows.codes, minlength=len(empty))
        skipped = ((str(rows.names[c]), int(counts[c])) for c in np.flatnonzero(empty))
        quality.add_series("skip", "no value in any row", skipped)
        if empty.all():
            return None
        kept = picked(rows, np.flatnonzero(~empty[rows.codes]))
        new = np.cumsum(~empty) - 1
        grid, series, positions = _filled(
            replace(kept, codes=new[kept.codes], names=rows.names[~empty]), clock, one, roles, quality
        )
        all_series, all_positions = np.full(len(rows.codes), -1), np.full(len(rows.codes), -1)
        all_series[~empty[rows.codes]], all_positions[~empty[rows.codes]] = series, positions
        return grid, all_series, all_positions
    return _filled(rows, clock, one, roles, quality)


def _empty_series(rows: Rows, targets: int) -> Bools:
    seen = np.zeros(len(rows.names), bool)
    np.logical_or.at(seen, rows.codes, ~np.isnan(rows.numbers[:, :targets]).all(axis=1))
    return ~seen


def _filled(rows: Rows, clock: Clock, one: Frequency, roles: Roles, quality: Quality) -> tuple[Grid, Ints, Ints]:
    """The grid of some series; for each row its first series there, and its position in it."""
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
        frequency=one,
        clock=clock,
        unique_id=np.repeat(rows.names, channels),
        channel=np.tile(np.asarray(roles.targets, object), series) if roles.has_channels else None,
        starts=np.repeat(starts, channels),
        offsets=np.concatenate([[0], np.cumsum(np.repeat(lengths, channels))]),
        y=_targets(wide[:, :channels], spots, lengths),
        covariate_starts=np.repeat(spots[:-1], channels),
        covariate_lengths=np.repeat(spans, channels),
        past=wide[:, channels:past],
        future=wide[:, past:future],
        static=np.repeat(_last_known(rows.numbers[:, future:], rows.codes, series), channels, axis=0),
        past_names=roles.past,
        future_names=roles.future,
        static_names=roles.static,
        static_labels=rows.static_labels,
    )
    return grid, rows.codes * channels, positions


def _positions(rows: Rows, one: Frequency, starts: Ints, first: Ints, quality: Quality) -> Ints:
    """Grid position of each row; if rows share a position, the last one wins because it is written last."""
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
    met = np.flatnonzero((np.diff(positions) == 0) & (np.diff(rows.codes) == 0))
    if len(met):
        lost = np.bincount(rows.codes[met], minlength=len(counts))
        named = ((str(rows.names[c]), int(lost[c])) for c in np.flatnonzero(lost))
        quality.add_series("repair", f"times that meet in one step of {one.alias}: the last row wins", named)
    return positions


def _target_lengths(rows: Rows, positions: Ints, spans: Ints, roles: Roles) -> Ints:
    """Number of grid rows up to the last target; rows after it only have future values."""
    if not roles.future:
        return spans
    seen = ~np.isnan(rows.numbers[:, : len(roles.targets)]).all(axis=1)
    last = np.zeros(len(spans), np.int64)
    np.maximum.at(last, rows.codes[seen], positions[seen] + 1)
    return last


def _targets(wide: Floats, spots: Ints, lengths: Ints) -> Floats:
    """Targets [rows, channels] as flat series, with the channels of a series one after the other."""
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
    """Last known value of each column in each series. Shapes: [rows, K] -> [S, K]"""
    known = np.full((series, values.shape[1]), np.nan)
    for k in range(values.shape[1]):
        present = ~np.isnan(values[:, k])
        known[codes[present], k] = values[present, k]
    return known
