"""The output rows of a detection, as users read them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.scoring.detected import Detected, by_name
from forecaster.scoring.events import SILENT, Event, event_ids
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["events_of", "explained_events_of", "rows_of", "scores_of"]


def rows_of(checked: Checked, detected: list[Detected], frame: pd.DataFrame) -> pd.DataFrame:
    """One row for each input row (and channel), in input order, with the input's `ds`."""
    targets = checked.roles.targets
    parts = [_target_rows(checked, detected, frame, name, c) for c, name in enumerate(targets)]
    if len(targets) > 1:
        parts.append(_whole_rows(checked, detected, frame))
        together = pd.concat(parts)
        return together.sort_index(kind="stable").reset_index(drop=True)
    return parts[0].drop(columns=columns.CHANNEL).reset_index(drop=True)


def scores_of(detected: list[Detected]) -> pd.DataFrame:
    """One row for each grid row after training that has a value, in the lake's form of scores."""
    parts = []
    for one in detected:
        grid = one.grid
        series = np.repeat(np.arange(grid.series), grid.lengths)
        positions = np.arange(len(grid.y)) - grid.offsets[series]
        numbers = _flat(one.numbers)
        part = grid.keys(series)[[columns.UNIQUE_ID]]
        part[columns.DS] = grid.ds(series, positions).array
        part[columns.Y] = grid.y
        for name in columns.EXPECTATION:
            part[name] = getattr(one.views, name)
        p_values = _flat([a.p_values for a in one.alarms])
        part[columns.SCORE], part[columns.P_VALUE] = 0.0 - np.log10(p_values), p_values
        for name in (columns.IS_ANOMALY, columns.STRANGENESS, columns.OPENING_P):
            part[name] = _flat([getattr(alarms, name) for alarms in one.alarms])
        part[columns.EVENT_ID] = _no_texts(len(part))
        labels = np.array([grid.label(s) for s in range(grid.series)], object)
        _name_events(part, np.arange(len(part)), grid, series, numbers, one.events, labels)
        parts.append(part[(positions >= one.train_ends[series]) & ~np.isnan(grid.y)])
    return pd.concat(parts, ignore_index=True)


def events_of(detected: list[Detected]) -> pd.DataFrame:
    """All events, with the columns `EVENTS`, `channel` only where there are channels.

    `expected`, `lower` and `upper` are those at the peak, empty for wholes; `is_open` if the event may still go on.
    """
    return explained_events_of(detected).drop(columns=columns.FOUND_BY)


def explained_events_of(detected: list[Detected]) -> pd.DataFrame:
    """The same, with the view of the detector that each event is `found_by`."""
    parts = [part for part in map(_event_rows, detected) if len(part)]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame([], columns=[*columns.EXPLAINED_EVENTS])
    return table if any(one.whole for one in detected) else table.drop(columns=columns.CHANNEL)


def _places(checked: Checked, number: int) -> tuple[Ints, Ints, Ints]:
    """Input rows that lie in a grid, with their first series and their position in it."""
    rows = np.flatnonzero((checked.grid_of == number) & (checked.series_of >= 0))
    return rows, checked.series_of[rows], checked.position_of[rows]


def _target_rows(
    checked: Checked, detected: list[Detected], frame: pd.DataFrame, target: str, channel: int
) -> pd.DataFrame:
    out = _empty_rows(frame, target, pd.to_numeric(frame[target], errors="coerce").to_numpy(float))
    for number, one in enumerate(detected):
        rows, firsts, positions = _places(checked, number)
        series = firsts + channel
        inside = positions < one.grid.lengths[series]
        rows, series, positions = rows[inside], series[inside], positions[inside]
        at = one.grid.offsets[series] + positions
        _fill(out, rows, _flat([a.p_values for a in one.alarms])[at], _flat([a.is_anomaly for a in one.alarms])[at])
        for name in columns.EXPECTATION:
            out.loc[rows, name] = getattr(one.views, name)[at]
        labels = np.array([one.grid.label(s) for s in range(one.grid.series)], object)
        _name_events(out, rows, one.grid, series, _flat(one.numbers)[at], one.events, labels)
        out.loc[rows, columns.IS_TRAIN] = positions < one.train_ends[series]
    return out


def _whole_rows(checked: Checked, detected: list[Detected], frame: pd.DataFrame) -> pd.DataFrame:
    out = _empty_rows(frame, columns.WHOLE, np.full(len(frame), np.nan))
    for number, one in enumerate(detected):
        rows, firsts, positions = _places(checked, number)
        judged = np.isin(firsts, list(one.whole))
        rows, firsts, positions = rows[judged], firsts[judged], positions[judged]
        order = np.argsort(firsts, kind="stable")
        own = {first: order[slice(*firsts.searchsorted([first, first + 1], sorter=order))] for first in one.whole}
        p_values, is_anomaly, numbers = np.full(len(rows), np.nan), np.zeros(len(rows), bool), np.full(len(rows), -1)
        for first, (alarms, _, event_numbers) in one.whole.items():
            mine, at = own[first], positions[own[first]]
            p_values[mine], is_anomaly[mine] = alarms.p_values[at], alarms.is_anomaly[at]
            numbers[mine] = event_numbers[at]
        _fill(out, rows, p_values, is_anomaly)
        events = [one.whole[s].events if s in one.whole else [] for s in range(one.grid.series)]
        labels = np.array([f"{name}/{columns.WHOLE}" for name in one.grid.unique_id], object)
        _name_events(out, rows, one.grid, firsts, numbers, events, labels)
        out.loc[rows, columns.IS_TRAIN] = positions < one.train_ends[firsts]
    return out


def _empty_rows(frame: pd.DataFrame, channel: str, y: Floats) -> pd.DataFrame:
    """Output rows without results, in the input's order."""
    out = pd.DataFrame(
        {
            columns.UNIQUE_ID: frame[columns.UNIQUE_ID].to_numpy(),
            columns.CHANNEL: channel,
            columns.DS: frame[columns.DS].array,
            columns.Y: y,
        },
        index=np.arange(len(frame)),
    )
    flags = {columns.IS_ANOMALY: False, columns.EVENT_ID: _no_texts(len(out)), columns.IS_TRAIN: False}
    return out.assign(**dict.fromkeys(columns.MEASURES, np.nan), **{name: flags[name] for name in columns.FLAGS})


def _fill(out: pd.DataFrame, rows: Ints, p_values: Floats, is_anomaly: Any) -> None:
    out.loc[rows, columns.P_VALUE] = p_values
    out.loc[rows, columns.SCORE] = 0.0 - np.log10(p_values)
    out.loc[rows, columns.IS_ANOMALY] = is_anomaly


def _name_events(
    out: pd.DataFrame, rows: Ints, grid: Grid, series: Ints, numbers: Ints, events: list[list[Event]], labels: Any
) -> None:
    """Enter the event of each row that raised an alarm."""
    hit = np.flatnonzero(numbers >= 0)
    if len(hit) == 0:
        return
    starts = np.array([events[series[k]][numbers[k]].start for k in hit])
    out.loc[rows[hit], columns.EVENT_ID] = event_ids(labels[series[hit]], grid.ds(series[hit], starts))


def _event_rows(one: Detected) -> pd.DataFrame:
    """The events of a grid: those of each series, then those of wholes."""
    grid, members = one.grid, by_name(one.grid)
    own = [(s, event, _ranked(one, [s], event)) for s, events in enumerate(one.events) for event in events]
    whole = [(s, event, _ranked(one, members[s], event)) for s, story in one.whole.items() for event in story.events]
    if not own and not whole:
        return pd.DataFrame()
    firsts, events, channels = zip(*own, *whole, strict=True)
    series, of_whole = np.array(firsts, np.int64), np.repeat([False, True], [len(own), len(whole)])
    starts, peaks, ends = np.array([(event.start, event.peak, event.end) for event in events], np.int64).T
    names, channel, labels = _named(grid, series, of_whole)
    start, silent = grid.ds(series, starts), np.array([event.direction == SILENT for event in events])
    table = {
        columns.EVENT_ID: event_ids(labels, start),
        columns.UNIQUE_ID: names,
        columns.CHANNEL: channel,
        columns.START: start.array,
        columns.PEAK: grid.ds(series, peaks).array,
        columns.END: grid.ds(series, ends).array,
        columns.SEVERITY: [event.severity for event in events],
        columns.DIRECTION: [event.direction for event in events],
        columns.CHANNELS: channels,
        **_expected(one, series, peaks, ~(of_whole | silent)),
        columns.FOUND_BY: [event.found_by for event in events],
        columns.IS_OPEN: grid.lengths[series] - 1 - ends <= np.where(silent, 0, one.gap),
    }
    return pd.DataFrame(table, columns=[*columns.EXPLAINED_EVENTS])


def _named(grid: Grid, series: Ints, of_whole: Bools) -> tuple[list[str], list[str] | None, list[str]]:
    """Of each event the name, the channel (None where there are none), and the label in its id."""
    names = grid.unique_id[series].astype(str).tolist()
    if grid.channel is None:
        return names, None, names
    channel = np.where(of_whole, columns.WHOLE, grid.channel[series]).astype(str).tolist()
    return names, channel, [f"{name}/{part}" for name, part in zip(names, channel, strict=True)]


def _expected(one: Detected, series: Ints, peaks: Ints, has_peak: Bools) -> dict[str, Floats]:
    """What was expected of each event's peak; a silence has none, and may even end after the last row."""
    at = np.where(has_peak, one.grid.offsets[series] + peaks, 0)
    return {name: np.where(has_peak, getattr(one.views, name)[at], np.nan) for name in columns.EXPECTATION}


def _ranked(one: Detected, members: Sequence[int] | Ints, event: Event) -> str:
    """The channels that take part in an event, the strangest first; a silence is of all channels."""
    channel = one.grid.channel
    if channel is None:
        return ""
    if event.direction == SILENT or len(members) == 1:
        return ",".join(str(channel[s]) for s in members)
    peaks = {s: np.nanmax(np.append(one.alarms[s].strangeness[event.start : event.end + 1], 0.0)) for s in members}
    strange = [s for s in sorted(members, key=lambda s: -peaks[s]) if peaks[s] >= 1]
    return ",".join(str(channel[s]) for s in strange or [max(members, key=lambda s: peaks[s])])


def _no_texts(rows: int) -> Any:
    """An empty column of texts."""
    return pd.array([None] * rows, dtype="str")


def _flat(parts: list[Any]) -> Any:
    return np.concatenate(parts)
