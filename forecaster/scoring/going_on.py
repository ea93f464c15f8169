"""Detection on a later file in which known series continue from their state instead of starting anew."""

from dataclasses import dataclass, fields, replace

import numpy as np

from forecaster.columns import EXPECTATION, OPENING_P, P_VALUE, STRANGENESS
from forecaster.detectors.base import Views
from forecaster.scoring.alarms import NO_VIEW, Alarms
from forecaster.scoring.answers import SIGN, Answers
from forecaster.scoring.detected import Detected, Story
from forecaster.scoring.events import Event, distances, merge, with_silences
from forecaster.scoring.followed import Followed
from forecaster.scoring.silence import rows_until
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["going_on"]

Silent = list[tuple[Event, Ints]]


def going_on(followed: Followed, found: Detected) -> Detected:
    """The detection with rows of known series judged from their state, which is advanced to the end of these rows."""
    grid, places = found.grid, followed.places
    channels = followed.tracks.width
    names = [str(name) for name in grid.unique_id]
    firsts = [s for s in range(0, grid.series, channels) if places.rests_before(names[s], int(grid.starts[s]))]
    if not firsts:
        return found
    owner = np.repeat(firsts, grid.lengths[firsts])
    position = np.concatenate([np.arange(grid.lengths[s]) for s in firsts])
    stands = [_Stand.of(followed, names[first]) for first in firsts]
    y_NC = grid.y[(grid.offsets[owner] + position)[:, None] + grid.lengths[owner][:, None] * np.arange(channels)]
    answers = followed.feed([names[s] for s in owner], grid.times(owner, position), y_NC)
    made = _copied(found)
    for stand, first in zip(stands, firsts, strict=True):
        _put(made, followed, first, stand, answers, np.flatnonzero(owner == first) * followed.tracks.count)
    return made


@dataclass(frozen=True)
class _Stand:
    """The state of a name's series: its number, the last alarm and event of each, and the row of the last value."""

    number: int
    last: list[tuple[int, int]]
    known: int

    @classmethod
    def of(cls, followed: Followed, name: str) -> "_Stand":
        """The state of one name."""
        number = followed.places.number(name)
        last = [followed.assessor.open.last(track) for track in followed.tracks.tracks_of(number).tolist()]
        return cls(number, last, -1 if followed.lacking is None else int(followed.lacking.known([number])[0]))


def _copied(found: Detected) -> Detected:
    """A copy of the parts that will be changed."""
    views = Views(*(getattr(found.views, field.name).copy() for field in fields(Views)))
    lists = [*found.alarms], [*found.events], [*found.numbers]
    return replace(found, views=views, alarms=lists[0], events=lists[1], numbers=lists[2], whole={**found.whole})


def _put(made: Detected, followed: Followed, first: int, stand: _Stand, answers: Answers, rows: Ints) -> None:
    """Replace the results for the rows of a name by the stream's answers."""
    grid, places = made.grid, followed.places
    shift = int(places.step.positions(grid.starts[[first]], places.held["start"][[stand.number]])[0])
    for track, (alarm, event) in enumerate(stand.last):
        s, said, whole = first + track, rows + track, bool(track) and track == len(followed.tracks.channels)
        y_T = np.full(len(said), np.nan) if whole else grid.values(s)
        alarms, events, number_T = _found(answers, said, y_T, followed.gap, alarm - shift, event - shift)
        if whole:
            made.whole[first] = Story(alarms, events, number_T)
            continue
        if followed.lacking is not None:
            silent = _silent_since(followed, stand, shift, grid.values(s), int(rows_until(grid, None)[s]))
            events, number_T = with_silences(events, number_T, silent)
            alarms = replace(alarms, is_anomaly=answers.is_anomaly[said])
        made.alarms[s], made.events[s], made.numbers[s] = alarms, events, number_T
        at, views = slice(grid.offsets[s], grid.offsets[s + 1]), made.views
        for name in EXPECTATION:
            getattr(views, name)[at] = answers.named[name][said]


def _found(
    answers: Answers, rows: Ints, y_T: Floats, gap: int, alarm: int, event: int
) -> tuple[Alarms, list[Event], Ints]:
    """Alarms, events and the event of each row, after an alarm in row `alarm` of an event that began in row `event`."""
    named = answers.named
    p_T, strange_T, opening_T, sign_T = (named[name][rows] for name in (P_VALUE, STRANGENESS, OPENING_P, SIGN))
    unseen_T = np.full(len(p_T), NO_VIEW)
    alarms = Alarms(p_T, answers.is_anomaly[rows] & ~np.isnan(p_T), strange_T, opening_T, unseen_T)
    far_T = distances(y_T, *(named[name][rows] for name in EXPECTATION))
    events, number_T = merge(alarms, sign_T, gap, far_T)
    events = [replace(one, found_by=answers.found_by[rows[one.start]]) for one in events]
    if events and events[0].start - alarm <= gap:  # the event was open when the last file ended
        events[0] = replace(events[0], start=event)
    return alarms, events, number_T


def _silent_since(followed: Followed, stand: _Stand, shift: int, values_T: Floats, rows: int) -> Silent:
    """Silences since the last value, for a series whose rows continue at row `shift`; rows are counted from there."""
    assert followed.lacking is not None, "silences are looked for"
    back, number = shift - stand.known, stand.number
    missing_T = np.ones(back + rows, bool)
    missing_T[0], missing_T[back : back + len(values_T)] = False, np.isnan(values_T)
    start = int(followed.places.times(np.array([number]), np.array([stand.known]))[0])
    begin = followed.lacking.first_test_row(number) - stand.known
    return [
        (replace(event, start=event.start - back, peak=event.peak - back, end=event.end - back), rows - back)
        for event, rows in followed.silences.of(followed.places.names[number], missing_T, start, begin)
    ]
