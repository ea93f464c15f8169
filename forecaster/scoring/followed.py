"""Series of one step in a stream: each row is put in its place, missing values are filled in, then it is judged."""

from collections.abc import Mapping, Sequence

import numpy as np

from forecaster.scoring.answers import Answers
from forecaster.scoring.assessor import Assessor
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.detected import Detected, by_name
from forecaster.scoring.detection import Detection
from forecaster.scoring.lacking import Lacking
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.places import Arrivals, Places
from forecaster.scoring.ragged import nested, packed, under, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.silence import Silences
from forecaster.scoring.tracks import Tracks
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats

__all__ = ["Followed"]


class Followed:
    """The state of some series; rows of each must come in order of time. Each row gets an answer for each track."""

    def __init__(self, member: Calibrated, how: Detection, clock: Clock, channels: Sequence[str] = ()) -> None:
        rate = alarms_per_row(how.false_alarms, member.frequency)
        self.clock, self.gap = clock, how.rules.at(rate).gap
        self.places = Places(member.frequency, clock, _ends_by_name(member.ends, channels), self.gap)
        self.tracks = Tracks(tuple(channels), self.places.names)
        calm, meanings = Maintenance.of(how.rules.maintenance, clock), how.meanings(member.frequency)
        self.assessor = Assessor(member, how, self.places, self.tracks, calm)
        self.silences = Silences(meanings, member.frequency, calm, rate)
        self.lacking = Lacking(meanings, self.silences, self.places) if meanings else None

    def __contains__(self, name: str) -> bool:
        return name in self.places or self.places.knows(name)

    @classmethod
    def after(cls, member: Calibrated, how: Detection, found: Detected, channels: Sequence[str] = ()) -> "Followed":
        """The state after a detection's last rows. A series goes on with a later row, and restarts with its first."""
        grid, made = found.grid, cls(member, how, found.grid.clock, channels)
        firsts = np.array(list(by_name(grid)) if channels else range(grid.series), np.int64)
        made.places.begin([str(name) for name in grid.unique_id[firsts]], grid.starts[firsts], grid.lengths[firsts])
        made.assessor.begin(found, firsts)
        if made.lacking is not None:
            known = np.array([np.flatnonzero(~np.isnan(grid.values(s)))[-1] for s in range(grid.series)])
            now = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
            made.lacking.begin(known, grid.y[grid.offsets[:-1] + known], now)
        return made

    def feed(self, names: Sequence[str], times: Ints, values: Floats) -> Answers:
        """Take in rows of any series, in the order in which they came; answers for each channel and for the whole.

        Shapes: [n], values [n, C]
        """
        answers = Answers.nothing(len(names))
        arrivals = self.places.arrive(names, times)
        self._greet(arrivals)
        placed = self.places.place(arrivals.series, times, values, answers)
        answers = answers.repeated(self.tracks.count)
        if len(placed.series):
            if self.lacking is not None:
                self.lacking.follow(placed, times, answers, self.assessor.event_id)
            self.assessor.answer(placed, answers)
        return answers

    def open_events(self) -> list[str]:
        """Ids of events that are still open."""
        return self.assessor.open_events()

    def state(self) -> dict[str, Array]:
        """The whole state, by name."""
        parts = {
            "held": {**self.places.held.state(), **self.assessor.open.state()},
            "lacking": {} if self.lacking is None else self.lacking.state(),
        }
        named = {"names": packed(self.places.names), "clock": packed(self.clock.to_json())}
        return {**named, **self.assessor.state(), **nested(parts)}

    @classmethod
    def restored(
        cls, member: Calibrated, how: Detection, state: Mapping[str, Array], channels: Sequence[str] = ()
    ) -> "Followed":
        """From a `state`."""
        made = cls(member, how, Clock.from_json(unpacked(state["clock"])), channels)
        held = under("held", state)
        made.places.restore(unpacked(state["names"]), held)
        made.assessor.open.restore(held)
        made.assessor.restore(state)
        if made.lacking is not None:
            made.lacking.restore(under("lacking", state))
        return made

    def _greet(self, arrivals: Arrivals) -> None:
        """Set up new series, and those that restart."""
        for number in arrivals.new:
            self.assessor.meet(number)
        for number in arrivals.anew:
            self.assessor.forget(number)
            if self.lacking is not None:
                self.lacking.forget(number)


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
