"""How people's feedback on events changes the scoring of later rows.

`confirmed`   the event's rows no longer count as normal; it was no false alarm, so it uses none of the rate
`expected`    the same; if the event recurs `every` so often, its recurrences are treated as maintenance
`false`       its rows count as normal, and rows that are no stranger, in the same direction, raise no alarm for as many
              rows as a calibration looks back on
`new_normal`  rows before the event no longer count as normal, as soon as there are enough rows since its start
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from forecaster.scoring.alarming import MEMORY_ROWS, Alarming
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.calibration import FEWEST_ROWS
from forecaster.scoring.muted import Muted
from forecaster.series.grid import Bools, Floats

__all__ = ["NOTHING_SAID", "VERDICTS", "Feedback", "Verdict", "apart", "judge_series", "waits"]

VERDICTS = ("confirmed", "expected", "false", "new_normal")
"""States that say what an event was; other states say what is being done about it."""
_ALIKE = 0.1
"""A row counts as no stranger than a false alarm up to this share above it."""


@dataclass(frozen=True)
class Verdict:
    """Somebody's verdict on an event; times are row numbers in its series."""

    state: str
    start: int
    end: int
    sign: float
    """1 for an event above the expected values, -1 for one below, NaN if unknown."""
    since: int
    """First row that was not yet scored when the verdict was given; earlier rows keep their scores."""
    until: int | None = None
    """First row that was not yet scored when the verdict was replaced by another."""
    every: int | None = None
    """Rows from one start of an expected event to the next."""

    def holds(self, row: int) -> bool:
        """Whether it applies to a row."""
        return self.since <= row and (self.until is None or row < self.until)


Feedback = Mapping[str, Sequence[Verdict]]
"""Verdicts by the name of a series."""
NOTHING_SAID: Feedback = {}


def judge_series(
    alarming: Alarming,
    views_TV: Floats,
    sign_T: Floats,
    end: int,
    admitted_T: Bools,
    calibrates_T: Bools,
    verdicts: Sequence[Verdict],
) -> Alarms:
    """Judge a whole series, whose rows before `end` are training rows, each part with the verdicts that apply there.

    Shapes: [time], views [time, V]
    """
    first_MV, parts = alarming.normal, [alarming.usual(views_TV[:end])]
    for begin, stop in _parts(verdicts, views_TV, end):
        held = [one for one in verdicts if one.holds(begin)]
        alarming.muted = _muted(held, views_TV, end)
        if begin > end:
            counts_T = calibrates_T & ~apart(verdicts, len(views_TV), begin)
            counts_T &= ~alarming.muted.due(np.arange(len(views_TV)) - end)
            alarming.recalibrate(_normal(held, first_MV, views_TV, counts_T, end, begin))
            alarming.forgive(sum(one.since == begin and one.state in ("confirmed", "expected") for one in held))
        rows = slice(begin, stop)
        parts.append(alarming.judge(views_TV[rows], admitted_T[rows], calibrates_T[rows], sign_T[rows]))
    return Alarms.joined(parts)


def waits(verdicts: Sequence[Verdict], views_TV: Floats) -> bool:
    """Whether there is a new normal that still has too few rows."""
    return any(one.state == "new_normal" and one.until is None and _ready(one, views_TV) is None for one in verdicts)


def apart(verdicts: Sequence[Verdict], rows: int, at: int) -> Bools:
    """Rows that do not count as normal, by the verdicts that apply at row `at`."""
    apart_T = np.zeros(rows, bool)
    for one in verdicts:
        if one.holds(at) and one.state in ("confirmed", "expected"):
            apart_T[max(0, one.start) : one.end + 1] = True
    return apart_T


def _parts(verdicts: Sequence[Verdict], views_TV: Floats, end: int) -> Iterator[tuple[int, int]]:
    """Ranges of rows between changes in the verdicts that apply; none after a change at the end of the rows."""
    changes = {row for one in verdicts for row in (one.since, one.until, _ready(one, views_TV)) if row is not None}
    rows = len(views_TV)
    return pairwise([end, *sorted(row for row in changes if end < row <= rows), rows])


def _ready(one: Verdict, views_TV: Floats) -> int | None:
    """The first row at which a new normal has enough rows; None if there is none."""
    if one.state != "new_normal":
        return None
    known = one.start + np.flatnonzero(~np.isnan(views_TV[one.start :]).all(axis=1))
    return None if len(known) < FEWEST_ROWS else max(one.since, int(known[FEWEST_ROWS - 1]) + 1)


def _normal(
    held: Sequence[Verdict], first_MV: Floats, views_TV: Floats, counts_T: Bools, end: int, begin: int
) -> Floats:
    """The normal rows before row `begin`, for calibration."""
    anew = [one.start for one in held if (ready := _ready(one, views_TV)) is not None and ready <= begin]
    if not anew:
        return np.concatenate([first_MV, views_TV[end:begin][counts_T[end:begin]]])
    start = max(anew)
    return views_TV[start:begin][counts_T[start:begin]]


def _muted(held: Sequence[Verdict], views_TV: Floats, end: int) -> Muted:
    """What the verdicts mute from now on; rows are counted from the end of training."""
    levels = [
        [one.sign, one.since + MEMORY_ROWS - end, *_most(views_TV[one.start : min(one.end + 1, one.since)])]
        for one in held
        if one.state == "false"
    ]
    times = [
        [one.start - end, one.end + 1 - one.start, one.every]
        for one in held
        if one.state == "expected" and one.every is not None
    ]
    events = [one.start - end for one in held if one.state in ("confirmed", "expected")]
    return Muted(
        np.array(levels, float).reshape(-1, 2 + views_TV.shape[1]),
        np.array(times, float).reshape(-1, 3),
        np.array(events, float).reshape(-1, 1),
    )


def _most(event_TV: Floats) -> Floats:
    """Upper limits of each view for a row that is no stranger than an event: [V]"""
    most_V = np.where(np.isnan(event_TV), -np.inf, event_TV).max(axis=0, initial=-np.inf)
    return np.asarray(most_V + _ALIKE * np.abs(np.where(np.isfinite(most_V), most_V, 0.0)))
