"""What a stream says about rows that were placed: the alarms of each channel and of the whole, and their events."""

from collections.abc import Mapping

import numpy as np

from forecaster.columns import EXPECTATION, LEVELS, OPENING_P, P_VALUE, STRANGENESS
from forecaster.detectors.base import Sight, Views
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.answers import NUMBERS, SIGN, Answers
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.channel_rows import ChannelRows, seen
from forecaster.scoring.channels import Channels
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import SILENT, view_name
from forecaster.scoring.gaps import filled_forward
from forecaster.scoring.judging import ViewedRows
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.open_events import OpenEvents
from forecaster.scoring.places import PlacedRows, Places
from forecaster.scoring.ragged import nested, under
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.scoring.singles import Singles
from forecaster.scoring.tracks import Tracks
from forecaster.scoring.wholes import Wholes
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Bools

__all__ = ["Assessor"]


class Assessor:
    """Says about the placed rows of series of one step what a detection would say about them.

    Each channel of a row is judged on its own, then all of them as a whole.
    """

    def __init__(self, member: Calibrated, how: Detection, places: Places, tracks: Tracks, calm: Maintenance) -> None:
        self._places, self._tracks, self._calm = places, tracks, calm
        rate = alarms_per_row(how.false_alarms, member.frequency)
        self._rules, make = how.rules.at(rate), how.thresholds(rate)
        self._meanings, self._names = how.meanings(member.frequency), member.detector.view_names
        self._follower = member.detector.follow(places.clock)
        self._singles = Singles(member, rate, self._rules, make, tracks.label)
        self._wholes = Wholes(member, rate, self._rules, make, how.aggregated()) if tracks.channels else None
        self.open = OpenEvents(self._rules.gap, self.event_id)

    def begin(self, found: Detected, firsts: Ints) -> None:
        """Start after a detection's last rows; `firsts` are the first series of each name."""
        grid = found.grid
        self._follower.begin(filled_forward(grid, self._meanings))
        self.open.grow(len(firsts) * self._tracks.count)
        for s in range(grid.series):
            self._singles.begin(found.kept[grid.label(s)].alarming)
        for number, first in enumerate(firsts.tolist()):
            self._begin_events(number, first, found)
            if self._wholes is not None:
                self._begin_whole(self._wholes, number, first, found)

    def meet(self, number: int) -> None:
        """Set up a new name."""
        for series in self._tracks.series_of(number).tolist():
            self._follower.meet(series, self._tracks.label(series))
        self.open.grow((number + 1) * self._tracks.count)
        if self._wholes is not None:
            self._wholes.add(self._tracks.whole(number))

    def forget(self, number: int) -> None:
        """Let a name restart."""
        series = self._tracks.series_of(number)
        self._follower.forget(series)
        self.open.forget(self._tracks.tracks_of(number))
        for one in series.tolist():
            self._singles.forget(one)
        if self._wholes is not None:
            self._wholes.forget(number)

    def answer(self, placed: PlacedRows, answers: Answers) -> None:
        """Judge placed rows, and write what is said about them into `answers`."""
        rows = ChannelRows.of(placed, self._places, self._calm)
        sight = seen(self._follower, rows)
        views, width = sight.views, self._tracks.width
        may = admitted(self._rules, rows.values, views.expected, views.sign)
        viewed = ViewedRows(rows.series, views.scores, views.sign, may, rows.working, rows.train)
        found = self._singles.judge(viewed, len(self._places.names) * width)
        self._say(placed, np.arange(width), found, sight, rows.train, answers)
        if self._wholes is not None:
            self._answer_wholes(self._wholes, placed, viewed, found, answers)

    def event_id(self, track: int, position: int) -> str:
        """The id of the event of a track that began in a row."""
        return f"{self._tracks.track(track)}@{self._places.text(track // self._tracks.count, position)}"

    def open_events(self) -> list[str]:
        """Ids of events that are still open."""
        return list(self.open.going(np.repeat(self._places.held["rows"], self._tracks.count)))

    def state(self) -> dict[str, Array]:
        """The state by name, but for that of the open events."""
        wholes = {} if self._wholes is None else self._wholes.state()
        return {**self._singles.state(), **nested({"follower": self._follower.state(), "wholes": wholes})}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`."""
        self._follower.restore(under("follower", state))
        self._singles.restore(state)
        if self._wholes is not None:
            self._wholes.restore(under("wholes", state))

    def _begin_events(self, number: int, first: int, found: Detected) -> None:
        """Take over the last events of a name, whose first series in the detection is `first`, without silences."""
        each = range(first, first + self._tracks.width)
        stories = [(found.alarms[s], found.events[s]) for s in each]
        stories += [found.whole[first][:2]] if self._tracks.channels else []
        for track, (alarms, events) in zip(self._tracks.tracks_of(number).tolist(), stories, strict=True):
            begun = [event for event in events if event.direction != SILENT]
            if begun:
                self.open.put(track, begun[-1].end, begun[-1].start, int(alarms.view[begun[-1].start]))

    def _begin_whole(self, wholes: Wholes, number: int, first: int, found: Detected) -> None:
        """Take over the whole of a name."""
        grid, name = found.grid, self._tracks.whole(number)
        y_TC = np.column_stack([grid.values(s) for s in range(first, first + len(self._tracks.channels))])
        wholes.begin(name, found.kept[name], y_TC)

    def _answer_wholes(
        self, wholes: Wholes, placed: PlacedRows, viewed: ViewedRows, found: Alarms, answers: Answers
    ) -> None:
        """Answer for the whole of each row, given the alarms of its channels."""
        shape = placed.values.shape
        said = (one.reshape(shape) for one in (viewed.sign, found.while_open, found.strangeness))
        some = Channels(placed.values, viewed.views.reshape(*shape, -1), *said)
        may, working, train = (np.any(one.reshape(shape), axis=1) for one in (viewed.may, viewed.working, viewed.train))
        here = ViewedRows(placed.series, viewed.views[:: shape[1]], viewed.sign[:: shape[1]], may, working, train)
        whole, sign = wholes.judge(placed.series, some, here)
        unknown = np.full(len(sign), np.nan)
        views = Views(unknown[:, None], unknown, unknown, unknown, sign)
        sight = Sight(views, np.full((len(sign), len(LEVELS)), np.nan))
        self._say(placed, np.array([shape[1]]), whole, sight, train, answers)

    def _say(
        self, placed: PlacedRows, tracks: Ints, found: Alarms, sight: Sight, train: Bools, answers: Answers
    ) -> None:
        """Write what was found on some tracks of each row into answers. Shapes: tracks [k], the others [E k]"""
        at, last = self._tracks.among(placed.row, tracks), np.repeat(placed.last, len(tracks))
        said, views = at[last], sight.views
        numbers = {name: getattr(views, name) for name in EXPECTATION} | {SIGN: views.sign}
        numbers |= {P_VALUE: found.p_values, STRANGENESS: found.strangeness, OPENING_P: found.opening_p}
        answers.numbers[said] = np.column_stack([numbers[name] for name in NUMBERS])[last]
        answers.is_anomaly[said] |= found.is_anomaly[last]
        answers.is_train[said] = train[last]
        answers.ahead[said] = sight.ahead[last]
        track, position = self._tracks.among(placed.series, tracks), np.repeat(placed.position, len(tracks))
        for k in np.flatnonzero(found.is_anomaly).tolist():
            event, view = self.open.alarm(int(track[k]), int(position[k]), int(found.view[k]))
            if last[k]:
                answers.event_id[at[k]] = event
                answers.found_by[at[k]] = view_name(self._view_names(int(track[k])), view)

    def _view_names(self, track: int) -> tuple[str, ...]:
        """Names of the views by which a track is judged."""
        number, place = divmod(track, self._tracks.count)
        if self._wholes is not None and place == self._tracks.width:
            return self._wholes.view_names(number)
        return self._names
