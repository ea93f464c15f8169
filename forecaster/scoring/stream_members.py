"""The members of a saved detector in a stream, one for each step, each with the series that it follows."""

from collections.abc import Mapping, Sequence

import numpy as np

from forecaster.scoring.answers import Answers
from forecaster.scoring.detected import Detected
from forecaster.scoring.followed import Followed
from forecaster.scoring.going_on import going_on
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats

__all__ = ["Members"]


class Members:
    """Sends each row to the member that follows its series; members are numbered as in the saved detector."""

    def __init__(self, saved: SavedDetector, channels: Sequence[str]) -> None:
        self._saved, self._channels = saved, channels
        self.followed: list[Followed | None] = [None] * len(saved.members)
        """None for a member that has had no row yet."""
        self.tracks = len(channels) + 1 if channels else 1
        """Number of answers to a row: one for each channel and one for the whole."""

    def begin(self, found: Sequence[Detected]) -> None:
        """Start after the last rows of a detection."""
        self.followed = [
            Followed.after(member, self._saved.how, one, self._channels)
            for member, one in zip(self._saved.members, found, strict=True)
        ]

    def going_on(self, found: Sequence[Detected]) -> list[Detected]:
        """Detections in which series continue from their state here."""
        steps = [one.frequency for one in self._saved.members]
        places = [one.grid.frequency.among(steps) for one in found]
        followed = [None if place is None else self.followed[place] for place in places]
        return [one if each is None else going_on(each, one) for one, each in zip(found, followed, strict=True)]

    def home(self, name: str) -> int | None:
        """The member that follows a series; None for a series that none knows."""
        for number, (followed, member) in enumerate(zip(self.followed, self._saved.members, strict=True)):
            known = f"{name}/{self._channels[0]}" if self._channels else name
            if known in member.normal or (followed is not None and name in followed):
                return number
        return None

    def answers(
        self, names: Sequence[str], times: Sequence[Ints], values: Floats, home: Ints, clock: Clock | None
    ) -> Answers:
        """The answers of each member to its rows. `clock` reads times of members that were not trained on rows.

        Shapes: [n], values [n, C]; times for each member; home [n], the member of each row, -1 for none
        """
        if len(self.followed) == 1:
            return self._at(0, clock).feed(names, times[0], values) if names else Answers.nothing(0)
        parts = []
        for number in np.unique(home[home >= 0]).tolist():
            rows = np.flatnonzero(home == number)
            some = [names[int(k)] for k in rows]
            places = (rows[:, None] * self.tracks + np.arange(self.tracks)).reshape(-1)
            parts.append((places, self._at(number, clock).feed(some, times[number][rows], values[rows])))
        return Answers.joined(len(names) * self.tracks, parts)

    def _at(self, number: int, clock: Clock | None) -> Followed:
        followed = self.followed[number]
        if followed is None:
            member = self._saved.members[number]
            own = member.clock or clock
            assert own is not None, "times were read before"
            followed = self.followed[number] = Followed(member, self._saved.how, own, self._channels)
        return followed

    def open_events(self) -> list[str]:
        """Ids of events that are still open."""
        return [event for followed in self.followed if followed is not None for event in followed.open_events()]

    def state(self) -> dict[str, Array]:
        """The state of all series, by number of the member and name."""
        known = ((number, followed) for number, followed in enumerate(self.followed) if followed is not None)
        return {f"{number}:{name}": value for number, followed in known for name, value in followed.state().items()}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Continue from a `state`, which may hold other things as well."""
        for number, member in enumerate(self._saved.members):
            own = {k.partition(":")[2]: value for k, value in state.items() if k.startswith(f"{number}:")}
            if own:
                self.followed[number] = Followed.restored(member, self._saved.how, own, self._channels)
