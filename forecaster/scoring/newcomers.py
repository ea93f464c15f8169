"""Unknown series in a stream of a detector of several steps: held back until their first rows show their step."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.scoring.answers import Answers
from forecaster.series import step
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Floats
from forecaster.series.quality import Quality

__all__ = ["AssignedRows", "Newcomers"]

_MOST_ROWS = 8
"""Rows that are held of a series: a week has a weekend, by which days and business days are told apart."""
_NOBODY = -1
_Row = tuple[list[int], list[float]]
"""Its time as each member reads it, and its values."""


@dataclass(frozen=True)
class AssignedRows:
    """Rows and the member that each belongs to; before a row come those of its series that were held until now.

    Shapes: names [n], times of each member [n], values [n, C], home [n], -1 where a row is held; own [m], the rows that came
        now; reason [m], why one is held, else empty
    """

    names: list[str]
    times: list[Ints]
    values: Floats
    home: Ints
    own: Ints
    reason: list[str]

    def answered(self, answers: Answers, tracks: int) -> Answers:
        """The answers to the rows that came now; silences that a held row revealed are answered with the row after it."""
        for n in np.setdiff1d(np.arange(len(self.names)), self.own).tolist():
            said, after = answers.silent[n * tracks], (n + 1) * tracks
            if said is not None:
                answers.silent[after] = ",".join(filter(None, (said, answers.silent[after])))
        found = answers.taken((self.own[:, None] * tracks + np.arange(tracks)).reshape(-1))
        for n, reason in enumerate(self.reason):
            if reason:
                found.reason[n * tracks : (n + 1) * tracks] = reason
        return found


class Newcomers:
    """First rows of series that no member knows; of each a few are held.

    A series belongs to the member on whose grid two of its rows are neighbours, as soon as no other step would do as well.
    """

    def __init__(self, steps: Sequence[Frequency]) -> None:
        self._steps = list(steps)
        self._held: dict[str, list[_Row]] = {}

    def assigned(
        self, names: Sequence[str], times: Sequence[Ints], values: Floats, known: Mapping[str, int | None]
    ) -> AssignedRows:
        """Find the member of each row; `known` has that of each name, or None.

        Shapes: names [m], times of each member [m], values [m, C]
        """
        found = dict(known)
        rows: list[tuple[str, _Row, int]] = []
        own, reasons = [], []
        for n, name in enumerate(names):
            row = ([int(one[n]) for one in times], values[n].tolist())
            home = found[name]
            reason, before = "", list[_Row]()
            if home is None:
                home, reason, before = self._met(name, row)
            if home != _NOBODY:
                found[name] = home
            rows += [(name, one, home) for one in before]
            own.append(len(rows))
            rows.append((name, row, home))
            reasons.append(reason)
        return AssignedRows(
            [name for name, _, _ in rows],
            [np.array([row[0][k] for _, row, _ in rows], np.int64) for k in range(len(times))],
            np.array([row[1] for _, row, _ in rows], float).reshape(-1, values.shape[1]),
            np.array([home for *_, home in rows], np.int64),
            np.array(own, np.int64),
            reasons,
        )

    def _met(self, name: str, row: _Row) -> tuple[int, str, list[_Row]]:
        """The member that a row belongs to, or why it is not known yet; and the rows held before it, once it is known."""
        # Of the rows that are held those not before it are left out: they may be of a wrong clock.
        before = [one for one in self._held.get(name, ()) if one[0][0] < row[0][0]]
        rows = [*before, row][-_MOST_ROWS:]
        trained = ", ".join(one.alias for one in self._steps)
        if len(rows) > 1:
            home, seeming = self._home(rows)
            if home is not None:
                self._held.pop(name, None)
                return home, "", rows[:-1]
            if len(rows) == _MOST_ROWS:
                self._held[name] = rows
                return _NOBODY, f"not judged: steps of {seeming}; the detector was trained on {trained}", []
        self._held[name] = rows
        return (
            _NOBODY,
            f"not judged: its first rows do not tell its step yet; the detector was trained on {trained}",
            [],
        )

    def _home(self, rows: Sequence[_Row]) -> tuple[int | None, str]:
        """The member that some rows belong to, if that is known, and the step that they seem to have."""
        times = np.array([row[0] for row in rows], np.int64)
        fits = [k for k, one in enumerate(self._steps) if _neighbours(one, times[:, k])]
        full = len(rows) == _MOST_ROWS
        if not full and len({self._steps[k].step for k in fits}) != 1:
            return None, ""
        seeming = _seeming(times[:, 0], self._steps[0].kind == "integer")
        among = fits or list(range(len(self._steps)))
        place = seeming.among([self._steps[k] for k in among])
        if place is None:
            return (fits[0] if fits else None), seeming.alias
        return among[place], seeming.alias

    def to_json(self) -> dict[str, Any]:
        """All that is held, as plain data."""
        return dict(self._held)

    def restore(self, data: Mapping[str, Any]) -> None:
        """Hold what `to_json` gave."""
        self._held = {name: [(row[0], row[1]) for row in rows] for name, rows in data.items()}


def _neighbours(one: Frequency, times: Ints) -> bool:
    """Whether rows lie on a grid of this step, the last two beside each other."""
    starts = np.full(len(times), times[0])
    positions = one.positions(times, starts)
    return bool((one.times(starts, positions) == times).all() and positions[-1] - positions[-2] == 1)


def _seeming(times: Ints, integer: bool) -> Frequency:
    return step.steps(times, np.zeros(len(times), np.int64), None, integer=integer, quality=Quality())[0]
