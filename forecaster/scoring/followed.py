"""Series of one step, followed as their rows come: placed on their steps, judged, their alarms put into events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from forecaster.columns import LEVELS
from forecaster.detectors.base import Array, Numbers, Sight, Views
from forecaster.scoring.alarms import Alarming, Alarms, judge_abreast
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.detect import Detected, Detection
from forecaster.scoring.events import SILENT, Event, merge, with_silences
from forecaster.scoring.gaps import held
from forecaster.scoring.lacking import Lacking
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.ragged import joined, packed, parted, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.scoring.silence import Silences, rows_until
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["LATE", "Answers", "Followed"]

_LONGEST_GAP = 1_000
"""Steps without a row up to which they are missing values; after more of them a series begins anew."""
LATE = "late"
_NEVER = -(2**40)

_MUTED = ("levels", "times", "events")
"""Parts of an `Alarming`'s state that few series have."""

Bools = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]
Silent = list[tuple[Event, Ints]]


@dataclass(frozen=True)
class Answers:
    """What is said of some rows, in their order; a reason says why a row was not taken, or how, and is empty elsewhere.

    `silent` has the silences that a row made known: of other series, that begin; of its own, that has ended.

    Shapes:  [n]; numbers [n, 7]: expected, lower, upper, p_value, strangeness, opening_p,
        sign; ahead [n, Q]: quantiles of the row that comes next
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
    silent: Objects
    """Ids of events with commas between; None where there are none."""

    @classmethod
    def nothing(cls, rows: int) -> "Answers":
        """Before anything is said."""
        numbers, ahead = np.full((rows, 7), np.nan), np.full((rows, len(LEVELS)), np.nan)
        no, none = np.zeros(rows, bool), np.full(rows, None, object)
        return cls(numbers, ahead, no, no.copy(), none, none.copy(), np.full(rows, "", object), none.copy())

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
        self._make = how.thresholds(self._rate)
        self._calm = Maintenance.of(how.rules.maintenance, clock)
        self._follower = member.detector.follow(clock)
        self._number: dict[str, int] = {}
        self._alarming: list[Alarming] = []
        blank = {"start": 0, "rows": 0, "alarm": _NEVER, "event": _NEVER, "end": Clock.ABSENT, "resting": 0}
        self._held = Numbers(**{name: np.array(value) for name, value in blank.items()})
        self._names: list[str] = []
        meanings = how.meanings(member.frequency)
        self._silences = Silences(meanings, member.frequency, self._calm, self._rate)
        self._lacking = (
            Lacking(meanings, self._silences, member.frequency, self._held, self._names) if meanings else None
        )

    def __contains__(self, name: str) -> bool:
        return name in self._number or name in self._member.ends

    @classmethod
    def after(cls, member: Calibrated, how: Detection, found: Detected) -> "Followed":
        """After the last row of a detection. A series goes on from there with a later row, and begins anew with another."""
        grid, made = found.grid, cls(member, how, found.grid.clock)
        made._follower.begin(held(grid, how.meanings(member.frequency)))
        made._held.grow(grid.series)
        for s in range(grid.series):
            made._numbered(grid.label(s))
            made._alarming.append(found.kept[grid.label(s)].alarming)
            events = [event for event in found.events[s] if event.direction != SILENT]
            if events:
                made._held["event"][s], made._held["alarm"][s] = events[-1].start, events[-1].end
        made._held["start"][:], made._held["rows"][:], made._held["resting"][:] = grid.starts, grid.lengths, 1
        made._held["end"][:] = [member.ends.get(name, Clock.ABSENT) for name in made._number]
        if made._lacking is not None:
            known = np.array([np.flatnonzero(~np.isnan(grid.values(s)))[-1] for s in range(grid.series)])
            now = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
            made._lacking.begin(known, grid.y[grid.offsets[:-1] + known], now)
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
        known = np.zeros(0) if self._lacking is None else self._lacking.known(numbers)
        times = grid.times(owner, rows - grid.offsets[owner])
        answers = self.feed([grid.label(int(s)) for s in owner], times, grid.y[rows])
        views = Views(*(getattr(found.views, field.name).copy() for field in fields(Views)))
        views.expected[rows], views.lower[rows], views.upper[rows] = answers.numbers[:, :3].T
        made = replace(found, views=views, alarms=[*found.alarms], events=[*found.events], numbers=[*found.numbers])
        lengths = rows_until(grid, None)
        for k, s in enumerate(series):
            mine = owner == s
            told_T = answers.is_anomaly[mine] & ~np.isnan(answers.numbers[mine, 3])
            alarms = Alarms(answers.numbers[mine, 3], told_T, *answers.numbers[mine, 4:6].T)
            events, made.numbers[s] = merge(alarms, answers.numbers[mine, 6], self._rules.gap)
            start = self._held["start"][numbers[k : k + 1]]
            shift = int(self._member.frequency.positions(grid.starts[s : s + 1], start)[0])
            if (
                events and events[0].start + shift - before["alarm"][k] <= self._rules.gap
            ):  # it was open when the file ended
                events[0] = replace(events[0], start=int(before["event"][k]) - shift)
            if self._lacking is not None:
                silent = self._silent_since(numbers[k], int(known[k]), shift, grid.values(s), int(lengths[s]))
                events, made.numbers[s] = with_silences(events, made.numbers[s], silent)
                alarms = replace(alarms, is_anomaly=answers.is_anomaly[mine])
            made.alarms[s], made.events[s] = alarms, events
        return made

    def _silent_since(self, number: int, known: int, shift: int, values_T: Floats, rows: int) -> Silent:
        """Silences after a value in row `known`, of a series whose values go on in row `shift`; counted from there."""
        assert self._lacking is not None
        missing_T = np.ones(shift - known + rows, bool)
        missing_T[0], missing_T[shift - known : shift - known + len(values_T)] = False, np.isnan(values_T)
        start = int(self._member.frequency.times(self._held["start"][[number]], np.array([known]))[0])
        begin = self._lacking.first_test_row(number) - known
        back = shift - known
        return [
            (replace(event, start=event.start - back, peak=event.peak - back, end=event.end - back), rows - back)
            for event, rows in self._silences.of(self._names[number], missing_T, start, begin)
        ]

    def _rests_before(self, name: str, time: int) -> bool:
        number = self._number.get(name)
        return number is not None and bool(self._held["resting"][number]) and time > self._last_time(number)

    def feed(self, names: Sequence[str], times: Ints, values: Floats) -> Answers:
        """Some rows, of any series, in the order in which they came."""
        answers = Answers.nothing(len(names))
        taken = self._placed(names, times, values, answers)
        if len(taken.series):
            if self._lacking is not None:
                self._follow_lacking(self._lacking, taken, times, answers)
            self._answer(taken, answers)
        return answers

    def _follow_lacking(self, lacking: Lacking, taken: _Taken, times: Ints, answers: Answers) -> None:
        """Values that stand for missing ones, and silences that rows make known."""
        lacking.grow(len(self._names))
        parts = (part.tolist() for part in (taken.series, taken.position, taken.values, taken.row, taken.last))
        for k, (s, at, value, row, last) in enumerate(zip(*parts, strict=True)):
            known = []
            if value == value:
                known.append((s, lacking.seen(s, at - 1)))
                lacking.value(s, at, value)
            else:
                taken.values[k] = lacking.missing(s, at)
                start = lacking.silent(s, at) if last else None
                if start is not None:
                    answers.is_anomaly[row], answers.event_id[row] = True, self._id(s, start)
            if last:
                known += lacking.others(int(times[row]))
                told = [self._id(s, start) for s, start in known if start is not None]
                answers.silent[row] = ",".join(told) or None

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
            number = self._numbered(name)
            self._held.grow(number + 1)
            self._follower.meet(number, name)
        elif self._held["resting"][number]:
            if time > self._last_time(number):
                self._held["resting"][number] = 0
                return number
            self._held.forget(np.array([number]))
            self._follower.forget(np.array([number]))
            if self._lacking is not None:
                self._lacking.forget(number)
            self._alarming[number] = self._calibrated(name, self._alarming[number].views)
        else:
            return number
        self._held["start"][number], self._held["end"][number] = time, self._member.ends.get(name, Clock.ABSENT)
        return number

    def _numbered(self, name: str) -> int:
        number = self._number[name] = len(self._names)
        self._names.append(name)
        return number

    def _last_time(self, number: int) -> int:
        start, rows = self._held["start"][[number]], self._held["rows"][[number]]
        return int(self._member.frequency.times(start, rows - 1)[0])

    def _calibrated(self, name: str, views: int) -> Alarming:
        normal = self._member.normal_of(name, views)
        return Alarming(normal, self._member.detector.kinds, self._rate, self._rules, self._make)

    def _answer(self, taken: _Taken, answers: Answers) -> None:
        sight = self._seen(taken)
        for name in self._names[len(self._alarming) :]:
            self._alarming.append(self._calibrated(name, sight.views.scores.shape[1]))
        found, train = self._judged(taken, sight.views)
        last, row = taken.last, taken.row[taken.last]
        views = sight.views
        said = (found.p_values, found.strangeness, found.opening_p)
        numbers = (views.expected, views.lower, views.upper, *said, views.sign)
        answers.numbers[row] = np.column_stack(numbers)[last]
        answers.is_anomaly[row] |= found.is_anomaly[last]
        answers.is_train[row] = train[last]
        answers.ahead[row] = sight.ahead[last]
        for k in np.flatnonzero(found.is_anomaly):
            event = self._event(int(taken.series[k]), int(taken.position[k]))
            if taken.last[k]:
                answers.event_id[taken.row[k]] = event

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
        order = np.argsort(taken.series, kind="stable")
        several = np.split(order, np.flatnonzero(np.diff(taken.series[order])) + 1)
        lone = np.array([rows[0] for rows in several if self._goes_abreast(rows, taken, train)], np.int64)
        if len(lone):
            some = [self._alarming[s] for s in taken.series[lone].tolist()]
            every.put(lone, judge_abreast(some, scores[lone], may[lone]))
        for rows in several:
            if self._goes_abreast(rows, taken, train):
                continue
            alarming, early = self._alarming[taken.series[rows[0]]], rows[train[rows]]
            later = rows[len(early) :]
            if len(early):
                every.put(early, alarming.usual(scores[early]))
            if len(later):
                working = ~self._calm.closed(self._names[taken.series[rows[0]]], times[later])
                every.put(later, alarming.judge(scores[later], may[later] & working, working, views.sign[later]))
        return every, train

    def _goes_abreast(self, rows: Ints, taken: _Taken, train: Bools) -> bool:
        """Is there but one row of a series, of which nothing but its views tells?"""
        if len(rows) > 1 or train[rows[0]] or self._calm.spans:
            return False
        return self._alarming[int(taken.series[rows[0]])].muted is None

    def open_events(self) -> list[str]:
        """Events that go on."""
        held = self._held
        going = (held["event"] != _NEVER) & (held["rows"] - 1 - held["alarm"] <= self._rules.gap)
        return [self._id(s, int(held["event"][s])) for s in np.flatnonzero(going).tolist()]

    def _event(self, series: int, position: int) -> str:
        """The event that an alarm belongs to."""
        held = self._held
        if position - held["alarm"][series] > self._rules.gap:
            held["event"][series] = position
        held["alarm"][series] = position
        return self._id(series, int(held["event"][series]))

    def _id(self, series: int, position: int) -> str:
        return f"{self._names[series]}@{self._text(series, position)}"

    def _text(self, series: int, position: int) -> str:
        start = self._held["start"][[series]]
        return str(self.clock.texts(self._member.frequency.times(start, np.array([position])))[0])

    def state(self) -> dict[str, Array]:
        """All that is remembered, by name."""
        alarming = {name: one.state() for name, one in zip(self._names, self._alarming, strict=True)}
        arrays = {
            "names": packed(self._names),
            "clock": packed(self.clock.to_json()),
            "alarming": np.array([one["numbers"] for one in alarming.values()]),
        }
        for prefix, part in (
            ("held", self._held.state()),
            ("follower", self._follower.state()),
            ("lacking", {} if self._lacking is None else self._lacking.state()),
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
        made._held.restore(held)
        made._follower.restore(follower)
        tables = parted(rows)
        muted = {name: parted(_under(name, state)) for name in _MUTED}
        for number, name in enumerate(unpacked(state["names"])):
            made._numbered(name)
            one = {"rows": tables[name], "numbers": state["alarming"][number]}
            one |= {part: tables[name] for part, tables in muted.items() if name in tables}
            made._alarming.append(Alarming.restored(one, member.detector.kinds, made._rate, made._rules, made._make))
        if made._lacking is not None:
            made._lacking.restore(_under("lacking", state) or made._as_if_known())
        return made

    def _as_if_known(self) -> dict[str, Array]:
        """What a state of before somebody asked for silences has to count as: every series had a value in its last row."""
        known, count = self._held["rows"] - 1, len(self._names)
        now = self._member.frequency.times(self._held["start"], known).max(initial=Clock.ABSENT)
        blank = {"value": np.full(count, np.nan), "told": np.zeros(count, np.int64)}
        return {"known": known, **blank, "now": np.array([now])}


def _expanded(series: Ints, position: Ints, values: Floats, gaps: Ints, first: Bools) -> _Taken:
    """Rows with their gaps written out; those with a gap below 0 are left out."""
    counts = gaps + 1
    row = np.repeat(np.arange(len(series)), counts)
    back = np.repeat(np.cumsum(counts), counts) - 1 - np.arange(len(row))
    last = back == 0
    return _Taken(series[row], position[row] - back, np.where(last, values[row], np.nan), first[row] & last, row, last)


def _under(prefix: str, state: Mapping[str, Array]) -> dict[str, Array]:
    return {name.removeprefix(f"{prefix}."): value for name, value in state.items() if name.startswith(f"{prefix}.")}
