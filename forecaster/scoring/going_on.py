"""A detection of later rows in which series go on from where they stand, instead of beginning there."""

from dataclasses import fields, replace

import numpy as np

from forecaster.detectors.base import Views
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.detect import Detected
from forecaster.scoring.events import Event, merge, with_silences
from forecaster.scoring.followed import Followed
from forecaster.scoring.silence import rows_until
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["going_on"]

Silent = list[tuple[Event, Ints]]


def going_on(followed: Followed, found: Detected) -> Detected:
    """The same detection, in which series that rest before its rows go on with them; they stand after these then."""
    grid, places = found.grid, followed.places
    if followed.has_channels:
        return found
    series = [s for s in range(grid.series) if places.rests_before(grid.label(s), int(grid.starts[s]))]
    if not series:
        return found
    rows = np.concatenate([np.arange(grid.offsets[s], grid.offsets[s + 1]) for s in series])
    owner = np.repeat(series, grid.lengths[series])
    numbers = [places.number(grid.label(s)) for s in series]
    before = [followed.open.last(number) for number in numbers]
    known = np.zeros(0) if followed.lacking is None else followed.lacking.known(numbers)
    times = grid.times(owner, rows - grid.offsets[owner])
    answers = followed.feed([grid.label(int(s)) for s in owner], times, grid.y[rows, None])
    views = Views(*(getattr(found.views, field.name).copy() for field in fields(Views)))
    views.expected[rows], views.lower[rows], views.upper[rows] = answers.numbers[:, :3].T
    made = replace(found, views=views, alarms=[*found.alarms], events=[*found.events], numbers=[*found.numbers])
    lengths = rows_until(grid, None)
    for k, s in enumerate(series):
        mine = owner == s
        told_T = answers.is_anomaly[mine] & ~np.isnan(answers.numbers[mine, 3])
        alarms = Alarms(answers.numbers[mine, 3], told_T, *answers.numbers[mine, 4:6].T)
        events, made.numbers[s] = merge(alarms, answers.numbers[mine, 6], followed.rules.gap)
        start = places.held["start"][numbers[k : k + 1]]
        shift = int(places.step.positions(grid.starts[s : s + 1], start)[0])
        alarm, event = before[k]
        if events and events[0].start + shift - alarm <= followed.rules.gap:  # it was open when the file ended
            events[0] = replace(events[0], start=event - shift)
        if followed.lacking is not None:
            silent = _silent_since(followed, numbers[k], int(known[k]), shift, grid.values(s), int(lengths[s]))
            events, made.numbers[s] = with_silences(events, made.numbers[s], silent)
            alarms = replace(alarms, is_anomaly=answers.is_anomaly[mine])
        made.alarms[s], made.events[s] = alarms, events
    return made


def _silent_since(followed: Followed, number: int, known: int, shift: int, values_T: Floats, rows: int) -> Silent:
    """Silences after a value in row `known`, of a series whose values go on in row `shift`; counted from there."""
    assert followed.lacking is not None, "silences are asked for"
    missing_T = np.ones(shift - known + rows, bool)
    missing_T[0], missing_T[shift - known : shift - known + len(values_T)] = False, np.isnan(values_T)
    start = int(followed.places.times(np.array([number]), np.array([known]))[0])
    begin = followed.lacking.first_test_row(number) - known
    back = shift - known
    return [
        (replace(event, start=event.start - back, peak=event.peak - back, end=event.end - back), rows - back)
        for event, rows in followed.silences.of(followed.places.names[number], missing_T, start, begin)
    ]
