"""Series of one step, followed as their rows come: placed on their steps, judged, their alarms put into events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forecaster.columns import LEVELS
from forecaster.detectors.base import Array, Numbers, Sight, Views
from forecaster.scoring.alarms import Alarming, Alarms
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.detect import Detected, Detection
from forecaster.scoring.events import merge
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.ragged import joined, packed, parted, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["LATE", "Answers", "Followed"]

_LONGEST_GAP = 1_000
"""Steps without a row up to which they are missing values; after more of them a series begins anew."""
LATE = "late"
_NEVER = -(2**40)

Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Answers:
    """What is said of some rows, in their order; a reason says why a row was not taken, or how, and is empty elsewhere.

    Shapes:  [n]; numbers [n, 5]: expected, lower, upper, p_value, strangeness; ahead [n, Q]: quantiles of the row that comes next
    Missing: NaN, also for rows that were not taken; None for no event
    """

    numbers: Floats
    ahead: Floats
    is_anomaly: Bools
    is_train: Bools
    event_id: Objects
    next_ds: Objects
    """ISO texts, or integers where times are."""
    reason: Objects

    @classmethod
    def nothing(cls, rows: int) -> "Answers":
        """Before anything is said."""
        numbers, ahead = np.full((rows, 5), np.nan), np.full((rows, len(LEVELS)), np.nan)
        no, none = np.zeros(rows, bool), np.full(rows, None, object)
        return cls(numbers, ahead, no, no.copy(), none, none.copy(), np.full(rows, "", object))

    @classmethod
    def joined(cls, rows: int, parts: "Sequence[tuple[Ints, Answers]]") -> "Answers":
        """Of several groups of rows, each with the places of its rows."""
        made = cls.nothing(rows)
        for places, part in parts:
            for field in fields(cls):
                getattr(made, field.name)[places] = getattr(part, field.name)
        return made


@dataclass(frozen=True)
class _Taken:
    """Rows that were taken, and the missing ones before them: of each its series, position and value, and whose it is.

    Shapes: [E]; `first` where a series begins anew; `row` is the row that it leads to, `last` where it is that row
    """

    series: Ints
    position: Ints
    values: Floats
    first: Bools
    row: Ints
    last: Bools


class Followed:
    """Where some series stand; rows of each must come in the order of their times."""

    def __init__(self, member: Calibrated, how: Detection, clock: Clock) -> None:
        self._member, self._how, self.clock = member, how, clock
        self._rate = alarms_per_row(how.false_alarms, member.frequency)
        self._rules = how.rules.at(self._rate)
        self._calm = Maintenance.of(how.rules.maintenance, clock)
        self._follower = member.detector.follow(clock)
        self._number: dict[str, int] = {}
        self._alarming: list[Alarming] = []
        blank = {"start": 0, "rows": 0, "alarm": _NEVER, "event": _NEVER, "end": Clock.ABSENT, "resting": 0}
        self._held = Numbers(**{name: np.array(value) for name, value in blank.items()})

    def __contains__(self, name: str) -> bool:
        return name in self._number or name in self._member.ends

    @classmethod
    def after(cls, member: Calibrated, how: Detection, found: Detected) -> "Followed":
        """After the last row of a detection. A series goes on from there with a later row, and begins anew with another."""
        grid, made = found.grid, cls(member, how, found.grid.clock)
        made._follower.begin(grid)
        made._held.grow(grid.series)
        for s in range(grid.series):
            made._number[grid.label(s)] = s
            made._alarming.append(found.kept[grid.label(s)].alarming)
            if found.events[s]:
                made._held["event"][s], made._held["alarm"][s] = found.events[s][-1].start, found.events[s][-1].end
        made._held["start"][:], made._held["rows"][:], made._held["resting"][:] = grid.starts, grid.lengths, 1
        made._held["end"][:] = [member.ends.get(name, Clock.ABSENT) for name in made._number]
        return made

    def going_on(self, found: Detected) -> Detected:
        """A detection in which series that rest before its rows go on with them, instead of beginning there."""
        grid = found.grid
        series = [s for s in range(grid.series) if self._rests_before(grid.label(s), int(grid.starts[s]))]
        if not series:
            return found
        rows = np.concatenate([np.arange(grid.offsets[s], grid.offsets[s + 1]) for s in series])
        owner = np.repeat(series, grid.lengths[series])
        numbers = [self._number[grid.label(s)] for s in series]
        before = {name: self._held[name][numbers].copy() for name in ("alarm", "event")}
        times = grid.times(owner, rows - grid.offsets[owner])
        answers = self.feed([grid.label(int(s)) for s in owner], times, grid.y[rows])
        views = Views(*(getattr(found.views, field.name).copy() for field in fields(Views)))
        views.expected[rows], views.lower[rows], views.upper[rows] = answers.numbers[:, :3].T
        made = replace(found, views=views, alarms=[*found.alarms], events=[*found.events], numbers=[*found.numbers])
        unknown = np.full(len(rows), np.nan)
        for k, s in enumerate(series):
            mine = owner == s
            alarms = Alarms(answers.numbers[mine, 3], answers.is_anomaly[mine], answers.numbers[mine, 4], unknown[mine])
            sign = np.sign(grid.values(s) - answers.numbers[mine, 0])
            events, made.numbers[s] = merge(alarms, sign, self._rules.gap)
            start = self._held["start"][numbers[k : k + 1]]
            shift = int(self._member.frequency.positions(grid.starts[s : s + 1], start)[0])
            if (
                events and events[0].start + shift - before["alarm"][k] <= self._rules.gap
            ):  # it was open when the file ended
                events[0] = replace(events[0], start=int(before["event"][k]) - shift)
            made.alarms[s], made.events[s] = alarms, events
        return made

    def _rests_before(self, name: str, time: int) -> bool:
        number = self._number.get(name)
        return number is not None and bool(self._held["resting"][number]) and time > self._last_time(number)

    def feed(self, names: Sequence[str], times: Ints, values: Floats) -> Answers:
        """Some rows, of any series, in the order in which they came."""
        answers = Answers.nothing(len(names))
        taken = self._placed(names, times, values, answers)
        if len(taken.series):
            self._answer(taken, names, answers)
        return answers

    def _placed(self, names: Sequence[str], times: Ints, values: Floats, answers: Answers) -> _Taken:
        """Rows that can be taken, with the missing ones before them; why others cannot is answered."""
        frequency, held, rows = self._member.frequency, self._held, len(names)
        series = np.array([self._series(name, int(time)) for name, time in zip(names, times, strict=True)], np.int64)
        starts = held["start"][series]
        position = frequency.positions(times, starts)
        moved = frequency.times(starts, position) != times
        gaps, first, taken = np.full(rows, -1), np.zeros(rows, bool), held["rows"]
        for k, (s, at) in enumerate(zip(series.tolist(), position.tolist(), strict=True)):
            if at < taken[s]:
                answers.reason[k] = f"{LATE}: not after {self._text(s, int(taken[s]) - 1)}, the last row of this series"
                continue
            gaps[k], taken[s] = at - taken[s], at + 1
            if gaps[k] > _LONGEST_GAP:
                answers.reason[k] = f"begun anew after {gaps[k]} steps without a row"
                gaps[k], first[k] = self._rules.gap + 1, True
            elif moved[k]:
                answers.reason[k] = f"moved to its step, {self._text(s, at)}"
        answers.next_ds[gaps >= 0] = self.clock.texts(frequency.times(starts, position + 1)[gaps >= 0])
        return _expanded(series, position, values, gaps, first)

    def _series(self, name: str, time: int) -> int:
        """The number of a series; a new one if it is new, or rests where a file ended that this row is not after."""
        number = self._number.get(name)
        if number is None:
            number = self._number[name] = len(self._number)
            self._held.grow(number + 1)
            self._follower.meet(number, name)
        elif self._held["resting"][number]:
            if time > self._last_time(number):
                self._held["resting"][number] = 0
                return number
            self._held.forget(np.array([number]))
            self._follower.forget(np.array([number]))
            self._alarming[number] = self._calibrated(name, self._alarming[number].views)
        else:
            return number
        self._held["start"][number], self._held["end"][number] = time, self._member.ends.get(name, Clock.ABSENT)
        return number

    def _last_time(self, number: int) -> int:
        start, rows = self._held["start"][[number]], self._held["rows"][[number]]
        return int(self._member.frequency.times(start, rows - 1)[0])

    def _calibrated(self, name: str, views: int) -> Alarming:
        normal = self._member.normal_of(name, views)
        return Alarming(normal, self._member.detector.kinds, self._rate, self._rules, self._how.make_threshold)

    def _answer(self, taken: _Taken, names: Sequence[str], answers: Answers) -> None:
        sight = self._seen(taken)
        for name in list(self._number)[len(self._alarming) :]:
            self._alarming.append(self._calibrated(name, sight.views.scores.shape[1]))
        found, train = self._judged(taken, sight.views)
        last, row = taken.last, taken.row[taken.last]
        views = sight.views
        numbers = (views.expected, views.lower, views.upper, found.p_values, found.strangeness)
        answers.numbers[row] = np.column_stack(numbers)[last]
        answers.is_anomaly[row], answers.is_train[row] = found.is_anomaly[last], train[last]
        answers.ahead[row] = sight.ahead[last]
        for k in np.flatnonzero(found.is_anomaly):
            answers.event_id[taken.row[k]] = self._event(
                names[taken.row[k]], int(taken.series[k]), int(taken.position[k])
            )

    def _seen(self, taken: _Taken) -> Sight:
        """What the detector sees in each row, series side by side."""
        order = np.argsort(taken.series, kind="stable")
        begins = np.flatnonzero(np.diff(taken.series[order], prepend=-1))
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
        order = np.lexsort((taken.series, rank))
        times = self._member.frequency.times(self._held["start"][taken.series], taken.position)
        parts = []
        for rows in np.split(order, np.flatnonzero(np.diff(rank[order])) + 1):
            if taken.first[rows].any():
                self._follower.forget(taken.series[rows[taken.first[rows]]])
            parts.append(self._follower.step(taken.series[rows], times[rows], taken.values[rows]))
        return Sight.joined(parts).take(np.argsort(order))

    def _judged(self, taken: _Taken, views: Views) -> tuple[Alarms, Bools]:
        """What is said of each row, and whether it is a training row."""
        scores = views.scores
        may = admitted(self._how.rules, taken.values, views.expected, views.sign)
        unknown = np.full((3, len(scores)), np.nan)
        every = Alarms(unknown[0], np.zeros(len(scores), bool), *unknown[1:])
        times = self._member.frequency.times(self._held["start"][taken.series], taken.position)
        train = times <= self._held["end"][taken.series]
        order, names = np.argsort(taken.series, kind="stable"), list(self._number)
        for rows in np.split(order, np.flatnonzero(np.diff(taken.series[order])) + 1):
            alarming, early = self._alarming[taken.series[rows[0]]], rows[train[rows]]
            later = rows[len(early) :]
            if len(early):
                every.put(early, alarming.usual(scores[early]))
            if len(later):
                may[later] &= ~self._calm.closed(names[taken.series[rows[0]]], times[later])
                every.put(later, alarming.judge(scores[later], may[later]))
        return every, train

    def _event(self, name: str, series: int, position: int) -> str:
        """The event that an alarm belongs to."""
        held = self._held
        if position - held["alarm"][series] > self._rules.gap:
            held["event"][series] = position
        held["alarm"][series] = position
        return f"{name}@{self._text(series, int(held['event'][series]))}"

    def _text(self, series: int, position: int) -> str:
        start = self._held["start"][[series]]
        return str(self.clock.texts(self._member.frequency.times(start, np.array([position])))[0])

    def state(self) -> dict[str, Array]:
        """All that is remembered, by name."""
        alarming = {name: one.state() for name, one in zip(self._number, self._alarming, strict=True)}
        arrays = {
            "names": packed(list(self._number)),
            "clock": packed(self.clock.to_json()),
            "alarming": np.array([one["numbers"] for one in alarming.values()]),
        }
        for prefix, part in (
            ("held", self._held.state()),
            ("follower", self._follower.state()),
            ("rows", joined({name: one["rows"] for name, one in alarming.items()})),
        ):
            arrays |= {f"{prefix}.{name}": value for name, value in part.items()}
        return arrays

    @classmethod
    def restored(cls, member: Calibrated, how: Detection, state: Mapping[str, Array]) -> "Followed":
        """From a `state`."""
        made = cls(member, how, Clock.from_json(unpacked(state["clock"])))
        held, follower, rows = (_under(prefix, state) for prefix in ("held", "follower", "rows"))
        made._held.restore(held)
        made._follower.restore(follower)
        tables = parted(rows)
        for number, name in enumerate(unpacked(state["names"])):
            made._number[name] = number
            one = {"rows": tables[name], "numbers": state["alarming"][number]}
            made._alarming.append(
                Alarming.restored(one, member.detector.kinds, made._rate, made._rules, how.make_threshold)
            )
        return made


def _expanded(series: Ints, position: Ints, values: Floats, gaps: Ints, first: Bools) -> _Taken:
    """Rows with their gaps written out; those with a gap below 0 are left out."""
    counts = gaps + 1
    row = np.repeat(np.arange(len(series)), counts)
    back = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(row))
    last = back == 0
    return _Taken(series[row], position[row] - back, np.where(last, values[row], np.nan), first[row] & last, row, last)


def _under(prefix: str, state: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(f"{prefix}."): value for name, value in state.items() if name.startswith(f"{prefix}.")}
