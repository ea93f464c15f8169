"""Series of one step, followed as their rows come: placed on their steps, judged, their alarms put into events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecaster.detectors.base import Array, Sight
from forecaster.scoring.abreast import Abreast
from forecaster.scoring.alarms import Alarming, Alarms
from forecaster.scoring.answers import Answers
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.detect import Detected, Detection
from forecaster.scoring.events import SILENT
from forecaster.scoring.gaps import held
from forecaster.scoring.lacking import Lacking
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.open_events import OpenEvents
from forecaster.scoring.places import Places, Taken, rounds
from forecaster.scoring.ragged import joined, packed, parted, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.scoring.silence import Silences
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Followed"]

_MUTED = ("levels", "times", "events")
"""Parts of an `Alarming`'s state that few series have."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Rows:
    """Rows of single channels, in the order of `Taken`, those of one row side by side. Shapes: [E C]"""

    place: Ints
    series: Ints
    """`place`, where there are no channels."""
    position: Ints
    times: Ints
    values: Floats
    first: Bools
    train: Bools

    @classmethod
    def of(cls, taken: Taken, places: Places) -> "_Rows":
        """Rows of the channels of each."""
        channels = taken.values.shape[1]
        row = np.repeat(np.arange(len(taken.series)), channels)
        place, position = taken.series[row], taken.position[row]
        series = place * channels + np.tile(np.arange(channels), len(taken.series))
        times = places.times(place, position)
        train = times <= places.held["end"][place]
        return cls(place, series, position, times, taken.values.reshape(-1), taken.first[row], train)


class Followed:
    """Where some series stand; rows of each must come in the order of their times."""

    def __init__(self, member: Calibrated, how: Detection, clock: Clock) -> None:
        self._member, self._how, self.clock = member, how, clock
        self._rate = alarms_per_row(how.false_alarms, member.frequency)
        self.rules = how.rules.at(self._rate)
        self._make = how.thresholds(self._rate)
        self._calm = Maintenance.of(how.rules.maintenance, clock)
        self._follower = member.detector.follow(clock)
        self.places = Places(member.frequency, clock, member.ends, self.rules.gap)
        self._alarms = Abreast(member.detector.kinds, self._rate, self.rules.gap)
        self.open = OpenEvents(self.rules.gap, self._named)
        meanings = how.meanings(member.frequency)
        self.silences = Silences(meanings, member.frequency, self._calm, self._rate)
        self.lacking = (
            Lacking(meanings, self.silences, member.frequency, self.places.held, self.places.names)
            if meanings
            else None
        )

    def __contains__(self, name: str) -> bool:
        return name in self.places or name in self._member.ends

    @classmethod
    def after(cls, member: Calibrated, how: Detection, found: Detected) -> "Followed":
        """After the last row of a detection. A series goes on from there with a later row, and begins anew with another."""
        grid, made = found.grid, cls(member, how, found.grid.clock)
        names = [grid.label(s) for s in range(grid.series)]
        made._follower.begin(held(grid, how.meanings(member.frequency)))
        made.places.begin(names, grid.starts, grid.lengths)
        made.open.grow(grid.series)
        for s, name in enumerate(names):
            made._alarms.add(found.kept[name].alarming)
            events = [event for event in found.events[s] if event.direction != SILENT]
            if events:
                made.open.put(s, events[-1].end, events[-1].start)
        if made.lacking is not None:
            known = np.array([np.flatnonzero(~np.isnan(grid.values(s)))[-1] for s in range(grid.series)])
            now = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
            made.lacking.begin(known, grid.y[grid.offsets[:-1] + known], now)
        return made

    def feed(self, names: Sequence[str], times: Ints, values: Floats) -> Answers:
        """Some rows, of any series, in the order in which they came. Shapes: [n] each"""
        answers = Answers.nothing(len(names))
        arrivals = self.places.arrive(names, times)
        self._greet(arrivals.new, arrivals.anew)
        taken = self.places.place(arrivals.series, times, values[:, None], answers)
        if len(taken.series):
            if self.lacking is not None:
                self._follow_lacking(self.lacking, taken, times, answers)
            self._answer(taken, answers)
        return answers

    def _greet(self, new: Sequence[int], anew: Sequence[int]) -> None:
        """Series that were not there, and some that begin anew."""
        for number in new:
            self._follower.meet(number, self.places.names[number])
            self.open.grow(number + 1)
        for number in anew:
            self._follower.forget(np.array([number]))
            self.open.forget(np.array([number]))
            if self.lacking is not None:
                self.lacking.forget(number)
            name = self.places.names[number]
            self._alarms.replace(number, self._calibrated(name, self._alarms.alone(number).views))

    def _calibrated(self, name: str, views: int) -> Alarming:
        normal = self._member.normal_of(name, views)
        return Alarming(normal, self._member.detector.kinds, self._rate, self.rules, self._make)

    def _follow_lacking(self, lacking: Lacking, taken: Taken, times: Ints, answers: Answers) -> None:
        """Values that stand for missing ones, and silences that rows make known."""
        lacking.grow(len(self.places.names))
        parts = (part.tolist() for part in (taken.series, taken.position, taken.values[:, 0], taken.row, taken.last))
        for k, (s, at, value, row, last) in enumerate(zip(*parts, strict=True)):
            known = []
            if value == value:
                known.append((s, lacking.seen(s, at - 1)))
                lacking.value(s, at, value)
            else:
                taken.values[k] = lacking.missing(s, at)
                start = lacking.silent(s, at) if last else None
                if start is not None:
                    answers.is_anomaly[row], answers.event_id[row] = True, self._named(s, start)
            if last:
                known += lacking.others(int(times[row]))
                told = [self._named(s, start) for s, start in known if start is not None]
                answers.silent[row] = ",".join(told) or None

    def _answer(self, taken: Taken, answers: Answers) -> None:
        rows = _Rows.of(taken, self.places)
        sight = self._seen(rows)
        for name in self.places.names[len(self._alarms) :]:
            self._alarms.add(self._calibrated(name, sight.views.scores.shape[1]))
        found = self._judged(rows, sight)
        last, row = taken.last, taken.row[taken.last]
        views = sight.views
        said = (found.p_values, found.strangeness, found.opening_p)
        numbers = (views.expected, views.lower, views.upper, *said, views.sign)
        answers.numbers[row] = np.column_stack(numbers)[last]
        answers.is_anomaly[row] |= found.is_anomaly[last]
        answers.is_train[row] = rows.train[last]
        answers.ahead[row] = sight.ahead[last]
        for k in np.flatnonzero(found.is_anomaly):
            event = self.open.alarm(int(taken.series[k]), int(taken.position[k]))
            if taken.last[k]:
                answers.event_id[taken.row[k]] = event

    def _seen(self, rows: _Rows) -> Sight:
        """What the detector sees in each row, series side by side."""
        parts, order = [], []
        for some in rounds(rows.series):
            if rows.first[some].any():
                self._follower.forget(rows.series[some[rows.first[some]]])
            parts.append(self._follower.step(rows.series[some], rows.times[some], rows.values[some]))
            order.append(some)
        in_order = len(parts) == 1 and (np.diff(order[0]) > 0).all()
        return parts[0] if in_order else Sight.joined(parts).take(np.argsort(np.concatenate(order)))

    def _judged(self, rows: _Rows, sight: Sight) -> Alarms:
        """What is said of each row."""
        scores, sign = sight.views.scores, sight.views.sign
        may = admitted(self._how.rules, rows.values, sight.views.expected, sign)
        every = Alarms.nothing(len(scores))
        abreast = self._abreast(rows)
        for some in abreast:
            every.put(some, self._alarms.judge(rows.series[some], scores[some], may[some]))
        alone = np.ones(len(scores), bool)
        alone[np.concatenate([*abreast, np.zeros(0, np.int64)])] = False
        order = np.flatnonzero(alone)[np.argsort(rows.series[alone], kind="stable")]
        for some in np.split(order, np.flatnonzero(np.diff(rows.series[order])) + 1) if len(order) else ():
            alarming, early = self._alarms.alone(int(rows.series[some[0]])), some[rows.train[some]]
            later = some[len(early) :]
            if len(early):
                every.put(early, alarming.usual(scores[early]))
            if len(later):
                working = ~self._calm.closed(self.places.names[rows.place[some[0]]], rows.times[later])
                every.put(later, alarming.judge(scores[later], may[later] & working, working, sign[later]))
        return every

    def _abreast(self, rows: _Rows) -> list[Ints]:
        """Rounds of rows of many series, of which nothing but their views tells; none where a few series have many rows."""
        if self._calm.spans:
            return []
        apart = self._alarms.muted | set(rows.series[rows.train].tolist())
        plain = ~np.isin(rows.series, list(apart)) if apart else np.ones(len(rows.series), bool)
        found = [np.flatnonzero(plain)[some] for some in rounds(rows.series[plain])]
        return found if found and len(found) <= len(found[0]) else []

    def open_events(self) -> list[str]:
        """Events that go on."""
        return list(self.open.going(self.places.held["rows"]))

    def _named(self, series: int, position: int) -> str:
        return f"{self.places.names[series]}@{self.places.text(series, position)}"

    def state(self) -> dict[str, Array]:
        """All that is remembered, by name."""
        names = self.places.names
        alarming = {name: one.state() for name, one in zip(names, self._alarms.settled(), strict=True)}
        arrays = {
            "names": packed(names),
            "clock": packed(self.clock.to_json()),
            "alarming": np.array([one["numbers"] for one in alarming.values()]),
        }
        for prefix, part in (
            ("held", {**self.places.held.state(), **self.open.state()}),
            ("follower", self._follower.state()),
            ("lacking", {} if self.lacking is None else self.lacking.state()),
            ("rows", joined({name: one["rows"] for name, one in alarming.items()})),
            *((name, joined({k: one[name] for k, one in alarming.items() if name in one})) for name in _MUTED),
        ):
            arrays |= {f"{prefix}.{name}": value for name, value in part.items()}
        return arrays

    @classmethod
    def restored(cls, member: Calibrated, how: Detection, state: Mapping[str, Array]) -> "Followed":
        """From a `state`."""
        made = cls(member, how, Clock.from_json(unpacked(state["clock"])))
        held, follower, rows = (_under(prefix, state) for prefix in ("held", "follower", "rows"))
        names = unpacked(state["names"])
        made.places.restore(names, held)
        made.open.restore(held)
        made._follower.restore(follower)
        tables = parted(rows)
        muted = {name: parted(_under(name, state)) for name in _MUTED}
        for number, name in enumerate(names):
            one = {"rows": tables[name], "numbers": state["alarming"][number]}
            one |= {part: tables[name] for part, tables in muted.items() if name in tables}
            made._alarms.add(Alarming.restored(one, member.detector.kinds, made._rate, made.rules, made._make))
        if made.lacking is not None:
            made.lacking.restore(_under("lacking", state) or made._as_if_known())
        return made

    def _as_if_known(self) -> dict[str, Array]:
        """What a state of before somebody asked for silences has to count as: every series had a value in its last row."""
        known, count = self.places.held["rows"] - 1, len(self.places.names)
        now = self.places.times(np.arange(count), known).max(initial=Clock.ABSENT)
        blank = {"value": np.full(count, np.nan), "told": np.zeros(count, np.int64)}
        return {"known": known, **blank, "now": np.array([now])}


def _under(prefix: str, state: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(f"{prefix}."): value for name, value in state.items() if name.startswith(f"{prefix}.")}
