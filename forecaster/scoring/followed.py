"""Series of one step in a stream: places rows on the series' steps, judges them, and groups alarms into events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from forecaster import columns
from forecaster.columns import LEVELS
from forecaster.detectors.base import Sight, Views
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.answers import Answers
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.channels import Channels
from forecaster.scoring.detected import Detected, by_name
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import SILENT
from forecaster.scoring.gaps import filled_forward
from forecaster.scoring.judging import ViewedRows
from forecaster.scoring.lacking import Lacking
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.open_events import OpenEvents
from forecaster.scoring.places import Arrivals, PlacedRows, Places, rounds
from forecaster.scoring.ragged import nested, packed, under, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.scoring.silence import Silences
from forecaster.scoring.singles import Singles
from forecaster.scoring.wholes import Wholes
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Bools, Floats

__all__ = ["Followed"]


@dataclass(frozen=True)
class _Rows:
    """Rows of single channels, in the order of `PlacedRows`; channels of one row are neighbours. Shapes: [E C]"""

    series: Ints
    """Number of the detector's series, which is that of a channel if there are channels."""
    times: Ints
    values: Floats
    first: Bools
    train: Bools
    working: Bools

    @classmethod
    def of(cls, placed: PlacedRows, places: Places, calm: Maintenance) -> "_Rows":
        """One row for each channel of each placed row."""
        channels = placed.values.shape[1]
        row = np.repeat(np.arange(len(placed.series)), channels)
        place, position = placed.series[row], placed.position[row]
        series = place * channels + np.tile(np.arange(channels), len(placed.series))
        times, working = places.times(place, position), np.ones(len(row), bool)
        for number in np.unique(place).tolist() if calm.spans else ():
            mine = place == number
            working[mine] = ~calm.closed(places.names[number], times[mine])
        train = times <= places.held["end"][place]
        return cls(series, times, placed.values.reshape(-1), placed.first[row], train, working)


class Followed:
    """The state of some series; rows of each must come in order of time.

    Channels are series of the detector, those of one name being neighbours; each row then gets an answer for each
    channel and one for the whole.
    """

    def __init__(self, member: Calibrated, how: Detection, clock: Clock, channels: Sequence[str] = ()) -> None:
        self._how, self.clock, self.channels = how, clock, tuple(channels)
        rate = alarms_per_row(how.false_alarms, member.frequency)
        self.rules, make = how.rules.at(rate), how.thresholds(rate)
        self._calm = Maintenance.of(how.rules.maintenance, clock)
        self._follower = member.detector.follow(clock)
        self.places = Places(member.frequency, clock, _ends_by_name(member.ends, channels), self.rules.gap)
        self._singles = Singles(member, rate, self.rules, make, self._label)
        self._wholes = Wholes(member, rate, self.rules, make, how.aggregated()) if channels else None
        self.open = OpenEvents(self.rules.gap, self._named)
        meanings = how.meanings(member.frequency)
        self.silences = Silences(meanings, member.frequency, self._calm, rate)
        self.lacking = (
            Lacking(meanings, self.silences, member.frequency, self.places.held, self.places.names)
            if meanings
            else None
        )

    def __contains__(self, name: str) -> bool:
        return name in self.places or self.places.knows(name)

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of the answers to each row: the channels and the whole; without channels, the row itself."""
        return (*self.channels, columns.WHOLE) if self.channels else ("",)

    @classmethod
    def after(cls, member: Calibrated, how: Detection, found: Detected, channels: Sequence[str] = ()) -> "Followed":
        """The state after a detection's last rows. A series continues with a later row, and restarts with any other."""
        grid, made = found.grid, cls(member, how, found.grid.clock, channels)
        made._follower.begin(filled_forward(grid, how.meanings(member.frequency)))
        firsts = np.array(list(by_name(grid)) if channels else range(grid.series), np.int64)
        made.places.begin([str(name) for name in grid.unique_id[firsts]], grid.starts[firsts], grid.lengths[firsts])
        made.open.grow(len(firsts) * len(made.tracks))
        for s in range(grid.series):
            made._singles.begin(found.kept[grid.label(s)].alarming)
        for number, first in enumerate(firsts.tolist()):
            made._begin_events(number, first, found)
            if made._wholes is not None:
                made._begin_whole(made._wholes, first, found)
        if made.lacking is not None:
            known = np.array([np.flatnonzero(~np.isnan(grid.values(s)))[-1] for s in range(grid.series)])
            now = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
            made.lacking.begin(known, grid.y[grid.offsets[:-1] + known], now)
        return made

    def _begin_events(self, number: int, first: int, found: Detected) -> None:
        """Take over the last events of a name, whose first series in the detection is `first`, without silences."""
        events = [found.events[s] for s in range(first, first + max(1, len(self.channels)))]
        events += [found.whole[first][1]] if self.channels else []
        for track, some in enumerate(events, number * len(self.tracks)):
            alarms = [event for event in some if event.direction != SILENT]
            if alarms:
                self.open.put(track, alarms[-1].end, alarms[-1].start)

    def _begin_whole(self, wholes: Wholes, first: int, found: Detected) -> None:
        """Take over the whole of a name."""
        grid, name = found.grid, f"{found.grid.unique_id[first]}/{columns.WHOLE}"
        rows = [slice(grid.offsets[s], grid.offsets[s + 1]) for s in range(first, first + len(self.channels))]
        wholes.begin(name, found.kept[name], np.column_stack([grid.y[row] for row in rows]))

    def feed(self, names: Sequence[str], times: Ints, values: Floats) -> Answers:
        """Take in rows of any series, in the order in which they came; answers for each channel and for the whole.

        Shapes: [n], values [n, C]
        """
        answers = Answers.nothing(len(names))
        arrivals = self.places.arrive(names, times)
        self._greet(arrivals)
        placed = self.places.place(arrivals.series, times, values, answers)
        answers = answers.repeated(len(self.tracks))
        if len(placed.series):
            if self.lacking is not None:
                self._follow_lacking(self.lacking, placed, times, answers)
            self._answer(placed, answers)
        return answers

    def _greet(self, arrivals: Arrivals) -> None:
        """Set up new series, and those that restart."""
        for number in arrivals.new:
            for series in self._series_of(number).tolist():
                self._follower.meet(series, self._label(series))
            self.open.grow((number + 1) * len(self.tracks))
            if self._wholes is not None:
                self._wholes.add(f"{self.places.names[number]}/{columns.WHOLE}")
        for number in arrivals.anew:
            self._follower.forget(self._series_of(number))
            self.open.forget(number * len(self.tracks) + np.arange(len(self.tracks)))
            for series in self._series_of(number).tolist():
                self._singles.forget(series)
            if self.lacking is not None:
                self.lacking.forget(number)
            if self._wholes is not None:
                self._wholes.forget(number)

    def _series_of(self, number: int) -> Ints:
        """Numbers of the detector's series of a name."""
        count = max(1, len(self.channels))
        return number * count + np.arange(count)

    def _label(self, series: int) -> str:
        """The name of one of the detector's series."""
        if not self.channels:
            return self.places.names[series]
        number, channel = divmod(series, len(self.channels))
        return f"{self.places.names[number]}/{self.channels[channel]}"

    def _follow_lacking(self, lacking: Lacking, placed: PlacedRows, times: Ints, answers: Answers) -> None:
        """Fill missing values by the rules, and report silences that rows reveal."""
        lacking.grow(len(self.places.names))
        parts = (
            part.tolist() for part in (placed.series, placed.position, placed.values[:, 0], placed.row, placed.last)
        )
        for k, (s, at, value, row, last) in enumerate(zip(*parts, strict=True)):
            known = []
            if value == value:
                known.append((s, lacking.seen(s, at - 1)))
                lacking.value(s, at, value)
            else:
                placed.values[k] = lacking.missing(s, at)
                start = lacking.silent(s, at) if last else None
                if start is not None:
                    answers.is_anomaly[row], answers.event_id[row] = True, self._named(s, start)
            if last:
                known += lacking.others(int(times[row]))
                told = [self._named(s, start) for s, start in known if start is not None]
                answers.silent[row] = ",".join(told) or None

    def _answer(self, placed: PlacedRows, answers: Answers) -> None:
        rows = _Rows.of(placed, self.places, self._calm)
        sight = self._seen(rows)
        views = sight.views
        may = admitted(self._how.rules, rows.values, views.expected, views.sign)
        viewed = ViewedRows(rows.series, views.scores, views.sign, may, rows.working, rows.train)
        every = np.arange(max(1, len(self.channels)))
        found = self._singles.judge(viewed, len(self.places.names) * len(every))
        self._say(placed, rows.train, found, sight, every, answers)
        if self._wholes is not None:
            self._answer_wholes(self._wholes, placed, viewed, found, answers)

    def _answer_wholes(
        self, wholes: Wholes, placed: PlacedRows, viewed: ViewedRows, found: Alarms, answers: Answers
    ) -> None:
        """Answer for the whole of each row."""
        shape = placed.values.shape
        said = (one.reshape(shape) for one in (viewed.sign, found.while_open, found.strangeness))
        some = Channels(placed.values, viewed.views.reshape(*shape, -1), *said)
        may, working, train = (np.any(one.reshape(shape), axis=1) for one in (viewed.may, viewed.working, viewed.train))
        here = ViewedRows(placed.series, viewed.views[:: shape[1]], viewed.sign[:: shape[1]], may, working, train)
        whole, sign = wholes.judge(placed.series, some, here)
        unknown = np.full(len(sign), np.nan)
        views = Views(unknown[:, None], unknown, unknown, unknown, sign)
        sight = Sight(views, np.full((len(sign), len(LEVELS)), np.nan))
        self._say(placed, train, whole, sight, np.array([len(self.channels)]), answers)

    def _say(
        self, placed: PlacedRows, train: Bools, found: Alarms, sight: Sight, tracks: Ints, answers: Answers
    ) -> None:
        """Write results into answers. Shapes: [E k], where `tracks` [k] are the channels, or the whole"""
        count, views = len(self.tracks), sight.views
        at = (placed.row[:, None] * count + tracks).reshape(-1)
        series, position, last = (
            (placed.series[:, None] * count + tracks).reshape(-1),
            np.repeat(placed.position, len(tracks)),
            np.repeat(placed.last, len(tracks)),
        )
        said = (found.p_values, found.strangeness, found.opening_p)
        numbers = (views.expected, views.lower, views.upper, *said, views.sign)
        answers.numbers[at[last]] = np.column_stack(numbers)[last]
        answers.is_anomaly[at[last]] |= found.is_anomaly[last]
        answers.is_train[at[last]] = train[last]
        answers.ahead[at[last]] = sight.ahead[last]
        for k in np.flatnonzero(found.is_anomaly).tolist():
            event = self.open.alarm(int(series[k]), int(position[k]))
            if last[k]:
                answers.event_id[at[k]] = event

    def _seen(self, rows: _Rows) -> Sight:
        """The detector's views of each row, for many series at once."""
        parts, order = [], []
        for some in rounds(rows.series):
            if rows.first[some].any():
                self._follower.forget(rows.series[some[rows.first[some]]])
            parts.append(self._follower.step(rows.series[some], rows.times[some], rows.values[some]))
            order.append(some)
        in_order = len(parts) == 1 and (np.diff(order[0]) > 0).all()
        return parts[0] if in_order else Sight.joined(parts).take(np.argsort(np.concatenate(order)))

    def open_events(self) -> list[str]:
        """Ids of events that are still open."""
        return list(self.open.going(np.repeat(self.places.held["rows"], len(self.tracks))))

    def _named(self, track: int, position: int) -> str:
        number, channel = divmod(track, len(self.tracks))
        name = self.places.names[number] + (f"/{self.tracks[channel]}" if self.channels else "")
        return f"{name}@{self.places.text(number, position)}"

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        parts = {
            "held": {**self.places.held.state(), **self.open.state()},
            "follower": self._follower.state(),
            "lacking": {} if self.lacking is None else self.lacking.state(),
            "wholes": {} if self._wholes is None else self._wholes.state(),
        }
        named = {"names": packed(self.places.names), "clock": packed(self.clock.to_json())}
        return {**named, **self._singles.state(), **nested(parts)}

    @classmethod
    def restored(
        cls, member: Calibrated, how: Detection, state: Mapping[str, Array], channels: Sequence[str] = ()
    ) -> "Followed":
        """From a `state`."""
        made = cls(member, how, Clock.from_json(unpacked(state["clock"])), channels)
        held = under("held", state)
        made.places.restore(unpacked(state["names"]), held)
        made.open.restore(held)
        made._follower.restore(under("follower", state))
        made._singles.restore(state)
        if made._wholes is not None:
            made._wholes.restore(under("wholes", state))
        if made.lacking is not None:
            made.lacking.restore(under("lacking", state))
        return made


def _ends_by_name(ends: Mapping[str, int], channels: Sequence[str]) -> Mapping[str, int]:
    """The last training times by name, from those of channels."""
    if not channels:
        return ends
    found: dict[str, int] = {}
    for channel in channels:
        for label, time in ends.items():
            name = label.removesuffix(f"/{channel}")
            if name != label:
                found[name] = max(time, found.get(name, time))
    return found
