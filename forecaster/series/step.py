"""Finding the step of each series from its times."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from forecaster.errors import ConfigError
from forecaster.series import frequency, spaced
from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Bools
from forecaster.series.quality import Quality

__all__ = ["steps"]

_FEW_ROWS = 10
"""A series with fewer rows takes the majority's step if it fits, because its own would be a guess."""
_EMPTY = 1.5
"""A given step is too short if the rows' step holds this many of it; a business day is 1.4 days."""
_BUSINESS = Frequency("B", "business", 1)

_NICE = [
    n * unit
    for unit, counts in (
        (1_000, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (1_000_000, (1, 2, 5, 10, 15, 20, 30)),
        (60_000_000, (1, 2, 5, 10, 15, 20, 30)),
        (3_600_000_000, (1, 2, 3, 4, 6, 8, 12)),
        (DAY, (1, 2, 3, 4, 5, 6, 7, 14)),
    )
    for n in counts
]


def steps(
    times: Ints,
    codes: Ints,
    given: Frequency | None,
    *,
    integer: bool,
    quality: Quality,
    trained_step: Frequency | None = None,
) -> list[Frequency]:
    """Step of every series: the given one, else its own, else that of most rows, else the model's.

    `trained_step` is the step of a trained model, if it has only one.

    Shapes:  times [rows] sorted within each series, codes [rows] sorted 0..S-1 -> S steps
    Raises:  ConfigError if the given one would leave most steps empty
    """
    counts = np.bincount(codes)
    found = _own(times, codes, integer=integer)
    if given is not None:
        _require_filled(times, codes, given, found)
        return [given] * len(counts)
    kinds: dict[tuple[str, int, bool], int] = {}
    for one, rows in zip(found, counts, strict=True):
        if one is not None:
            kinds[one.grid] = kinds.get(one.grid, 0) + int(rows)
    if not kinds:
        fallback = frequency.parse("int" if integer else "D")
        if trained_step is not None and (trained_step.kind == "integer") == integer:
            fallback = trained_step
        quality.add("note", f"no series has two times; the step is taken to be {fallback.alias}")
        return [fallback] * len(counts)
    most = max(kinds, key=lambda kind: kinds[kind])
    usual = next(one for one in found if one is not None and one.grid == most)
    return [
        usual if one is None or (rows < _FEW_ROWS and _fits(one, usual)) else one
        for one, rows in zip(found, counts, strict=True)
    ]


def _require_filled(times: Ints, codes: Ints, given: Frequency, found: Sequence[Frequency | None]) -> None:
    """Check a given step. Raises: ConfigError if rows come at longer regular intervals, so most steps are empty"""
    own = np.array([0 if one is None else _length(one) for one in found])
    unit = np.array(
        [DAY if one is not None and one.kind == "business" else length for one, length in zip(found, own, strict=True)]
    )
    gaps, same = np.diff(times), codes[1:] == codes[:-1]
    gaps, own, unit = gaps[same], own[codes[1:][same]], unit[codes[1:][same]]
    seldom = own >= _EMPTY * _length(given)
    even = seldom & ((gaps % np.maximum(unit, 1) == 0) | (np.abs(gaps - own) < own // 8))
    if len(gaps) >= _FEW_ROWS and even.sum() > 0.5 * len(gaps):
        usual = next(one for one in found if one is not None and _length(one) == own[even].min())
        raise ConfigError(
            f"--freq {given.alias}: most steps would be empty, rows come every {usual.alias}. "
            f"Give --freq {usual.alias}, or leave it out."
        )


def _length(one: Frequency) -> int:
    return one.micros or one.size


def _fits(short: Frequency, usual: Frequency) -> bool:
    """Whether a few rows that look like step `short` fit on the grid of `usual`."""
    if short.kind == "integer" or usual.kind == "integer":
        return short.kind == usual.kind and short.size % usual.size == 0
    if usual.kind == "fixed" and short.kind == "fixed":
        return short.size % usual.size == 0
    return short.micros >= 0.7 * usual.micros


def _own(times: Ints, codes: Ints, *, integer: bool) -> list[Frequency | None]:
    """Step of every series, None for those with fewer than two times.

    Shapes:  times [rows] sorted within each series, codes [rows] sorted 0..S-1 -> S steps
    Missing: gaps do no harm, as the commonest difference decides; if none is common, a round
        step near the median is taken; where many rows would lie far beside that, the unit of all distances
    """
    series = int(codes[-1]) + 1 if len(codes) else 0
    begins = np.searchsorted(codes, np.arange(series + 1))
    calendar = None if integer else _Calendar.of(times, codes)
    found: list[Frequency | None] = [None] * series
    for code, common, share, median in _gaps(times, codes):
        one = _counts(common) if calendar is None else _name(common, share, median, calendar, code)
        own = times[begins[code] : begins[code + 1]]
        found[code] = one if share == 1 or one.kind not in ("fixed", "integer") else _finer(own, one, calendar, code)
    return found


def _gaps(times: Ints, codes: Ints) -> Iterator[tuple[int, int, float, float]]:
    """Series, commonest difference, its share, and the median difference, for each series that has one."""
    gaps = np.diff(times)
    counted = (codes[1:] == codes[:-1]) & (gaps > 0)
    owners, gaps = codes[1:][counted], gaps[counted]
    if len(gaps) == 0:
        return
    begins = np.flatnonzero(np.diff(owners, prepend=-1))
    low, high = np.minimum.reduceat(gaps, begins), np.maximum.reduceat(gaps, begins)
    even = low == high
    for code, gap in zip(owners[begins[even]].tolist(), low[even].tolist(), strict=True):
        yield code, gap, 1.0, float(gap)
    ends = np.append(begins[1:], len(gaps))
    for begin, end in zip(begins[~even].tolist(), ends[~even].tolist(), strict=True):
        values, counts = np.unique(gaps[begin:end], return_counts=True)
        most = int(counts.argmax())
        yield (
            int(owners[begin]),
            int(values[most]),
            float(counts[most] / (end - begin)),
            float(np.median(gaps[begin:end])),
        )


@dataclass(frozen=True)
class _Calendar:
    """What the days of each series have in common."""

    weekend: Bools
    """Some are Saturdays or Sundays."""
    month_ends: Bools
    """All are the last of a month."""
    same_day: Bools
    """All are the same day of a month."""
    weekday: Ints
    """Weekday of the first; Monday is 0."""

    @classmethod
    def of(cls, times: Ints, codes: Ints) -> "_Calendar":
        days = times.view("datetime64[us]").astype("datetime64[D]")
        months = days.astype("datetime64[M]")
        weekday = (days.astype(np.int64) + 3) % 7
        day = (days - months.astype("datetime64[D]")).astype(np.int64)
        first = np.searchsorted(codes, np.arange(int(codes[-1]) + 1))
        weekend = np.logical_or.reduceat(weekday >= 5, first)
        ends = np.logical_and.reduceat((days + 1).astype("datetime64[M]") != months, first)
        same = np.logical_and.reduceat(day == day[first][codes], first)
        return cls(weekend, ends, same, weekday[first])


def _counts(size: int) -> Frequency:
    return Frequency("int" if size == 1 else f"{size}int", "integer", size)


def _finer(times: Ints, one: Frequency, calendar: _Calendar | None, code: int) -> Frequency:
    """The unit of a series' distances where many rows lie far beside a step, else that step.

    Days are business days where none is a Saturday or Sunday.
    """
    unit = spaced.unit(times, one.size, integer=calendar is None)
    if unit is None:
        return one
    if calendar is None:
        finer = _counts(unit)
    elif unit % (7 * DAY) == 0:
        finer = frequency.weekly(unit // (7 * DAY), int(calendar.weekday[code]))
    else:
        finer = _BUSINESS if unit == DAY and not calendar.weekend[code] else frequency.fixed(unit)
    return finer if spaced.has_neighbours(times, finer) else one


def _name(common: int, share: float, median: float, calendar: _Calendar, code: int) -> Frequency:
    months = round(median / (30.436875 * DAY))
    if months >= 1 and common % DAY == 0 and (calendar.same_day[code] or calendar.month_ends[code]):
        return frequency.monthly(months, month_end=bool(calendar.month_ends[code]))
    if common % (7 * DAY) == 0 and share >= 0.5:
        return frequency.weekly(common // (7 * DAY), int(calendar.weekday[code]))
    if common == DAY and 0.5 <= share < 0.95 and not calendar.weekend[code]:
        return _BUSINESS
    nearest = _nearest(median)
    late_clock = share < 0.95 and abs(nearest / common - 1) < 0.01
    return frequency.fixed(common if share >= 0.5 and not late_clock else nearest)


@cache
def _nearest(median: float) -> int:
    """The round step next to a median difference."""
    return min(_NICE, key=lambda nice: abs(math.log(nice / median)))
