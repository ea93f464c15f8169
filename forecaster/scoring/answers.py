"""The answers of a stream to its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from forecaster.columns import LEVELS, MEASURES, P_VALUE, REPLAYED, SCORE
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Objects

__all__ = ["AHEAD", "LATE", "NEXT", "NUMBERS", "REASON", "SIGN", "Answers"]

LATE, AHEAD = "late", "ahead"
"""First words of the reasons for rows that are not taken."""
NEXT, REASON = "next_ds", "reason"
"""Columns that only streams have."""
SIGN = "sign"
NUMBERS = (*REPLAYED, SIGN)
"""Columns of `Answers.numbers`."""


@dataclass(frozen=True)
class Answers:
    """Answers to some rows, in their order. A reason says why a row was not taken, or how it was changed; else empty.

    `silent` names the silences that a row reveals: those of other series that begin, and one of its own that has ended.
    `found_by` is the name of the view that the row's event is by, empty if it is not known.

    Shapes:  [n]; numbers [n, 7], by `NUMBERS`; ahead [n, Q]: forecast quantiles of the next row
    Missing: NaN, also for rows that were not taken; None where there is no event
    """

    numbers: Floats
    ahead: Floats
    is_anomaly: Bools
    is_train: Bools
    event_id: Objects
    found_by: Objects
    next_ds: Objects
    """ISO texts, or integers if times are integers."""
    reason: Objects
    silent: Objects
    """Ids of events, separated by commas; None where there are none."""

    @classmethod
    def nothing(cls, rows: int) -> "Answers":
        """Empty answers."""
        numbers, ahead = np.full((rows, len(NUMBERS)), np.nan), np.full((rows, len(LEVELS)), np.nan)
        no, none = np.zeros(rows, bool), np.full(rows, None, object)
        reason = np.full(rows, "", object)
        return cls(numbers, ahead, no, no.copy(), none, none.copy(), none.copy(), reason, none.copy())

    @property
    def named(self) -> dict[str, Floats]:
        """The columns of `numbers` by name: [n] each"""
        return dict(zip(NUMBERS, self.numbers.T, strict=True))

    @property
    def measures(self) -> dict[str, Floats]:
        """The columns `MEASURES` by name: [n] each"""
        known = self.named
        known[SCORE] = 0.0 - np.log10(known[P_VALUE])
        return {name: known[name] for name in MEASURES}

    def repeated(self, times: int) -> "Answers":
        """The answer to each row repeated, the repetitions next to each other."""
        if times == 1:
            return self
        return Answers(*(np.repeat(getattr(self, field.name), times, axis=0) for field in fields(self)))

    def taken(self, rows: Ints) -> "Answers":
        """Those of some rows."""
        return Answers(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def joined(cls, rows: int, parts: "Sequence[tuple[Ints, Answers]]") -> "Answers":
        """The answers of several groups of rows, each with the places of its rows."""
        if len(parts) == 1 and len(parts[0][0]) == rows:
            return parts[0][1]
        made = cls.nothing(rows)
        for places, part in parts:
            for field in fields(cls):
                getattr(made, field.name)[places] = getattr(part, field.name)
        return made
