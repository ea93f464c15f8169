"""The step of a series: its pandas alias, and arithmetic from times to grid positions and back.

Times are int64 microseconds (or plain integers for integer `ds`), so years beyond 2262 are fine and
every function works on whole columns at once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from forecaster.errors import ConfigError
from forecaster.series.sessions import Days, Ints, sessions

__all__ = ["DAY", "Frequency", "Ints", "fixed", "parse", "parse_duration"]

SECOND = 1_000_000
DAY = 86_400 * SECOND
_FIXED = {"us": 1, "ms": 1_000, "s": SECOND, "min": 60 * SECOND, "h": 3_600 * SECOND, "D": DAY, "W": 7 * DAY}
_MONTHS = {"MS": 1, "ME": 1, "M": 1, "QS": 3, "QE": 3, "Q": 3, "YS": 12, "YE": 12, "Y": 12}
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_SEASON = {"h": 24, "D": 7, "B": 5, "W": 1, "MS": 12, "QS": 4, "YS": 1}


@dataclass(frozen=True)
class Frequency:
    """One step of a series.

    Units: `size` counts microseconds (fixed), months (month), business days (business) or
        integers (integer).
    """

    alias: str
    kind: Literal["fixed", "month", "business", "integer"]
    size: int
    month_end: bool = False
    calendar: str = ""
    """Trading calendar whose sessions are the business days (`series/sessions.py`); empty for Monday to Friday."""

    @property
    def step(self) -> tuple[str, int]:
        """What a series must have in common with a model's training series."""
        return self.kind, self.size

    @property
    def grid(self) -> tuple[str, int, bool]:
        """What series must have in common to share a grid."""
        return self.kind, self.size, self.month_end

    def among(self, others: "Sequence[Frequency]") -> int | None:
        """Index of the first of `others` with the same grid, else with the same step; None if there is neither."""
        alike = [place for place, one in enumerate(others) if one.step == self.step]
        return next((place for place in alike if others[place].grid == self.grid), alike[0] if alike else None)

    def positions(self, times: Ints, starts: Ints) -> Ints:
        """Nearest grid position of each time, counted from its series' first time.

        Shapes: [rows], [rows] -> [rows]
        """
        if self.kind in ("fixed", "integer"):
            return np.asarray(np.floor_divide(times - starts + self.size // 2, self.size), np.int64)
        if self.calendar:
            return sessions(self.calendar).positions(_days(times), _days(starts)) // self.size
        if self.kind == "business":
            return np.asarray(np.busday_count(_days(starts), _days(times)) // self.size, np.int64)
        months = _months(times) - _months(starts)
        return np.asarray(np.floor_divide(months, self.size), np.int64)

    def times(self, starts: Ints, positions: Ints) -> Ints:
        """Time of each grid position. Shapes: [rows], [rows] -> [rows]"""
        if self.kind in ("fixed", "integer"):
            return starts + positions * self.size
        if self.calendar:
            return _micros(sessions(self.calendar).moved(_days(starts), positions * self.size)) + starts % DAY
        if self.kind == "business":
            days = np.busday_offset(_days(starts), positions * self.size, roll="forward")
            return _micros(days) + starts % DAY
        first = _month_start(starts)
        month = (first + positions * self.size).astype("datetime64[M]")
        length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
        day = np.minimum((_days(starts) - first.astype("datetime64[D]")).astype(np.int64), length - 1)
        if self.month_end:
            day = length - 1
        return _micros(month.astype("datetime64[D]") + day) + starts % DAY

    def numbers(self, times: Ints) -> Ints:
        """Steps since 1970-01-01, or since 0; the same for one time in all series. Shapes: [rows] -> [rows]"""
        return self.positions(times, np.zeros_like(times))

    @property
    def micros(self) -> int:
        """Length of one step in microseconds; months count 30.44 days. 0 for integer steps."""
        unit = {"fixed": 1, "month": 30.436875 * DAY, "business": 1.4 * DAY, "integer": 0}[self.kind]
        return int(self.size * unit)

    @property
    def season(self) -> int:
        """Steps in the usual season of this step, 1 where there is none."""
        if self.kind == "fixed" and self.size < DAY:
            return max(1, DAY // self.size) if DAY % self.size == 0 else 1
        number, unit = _split(self.alias.removesuffix(f"-{self.calendar}"))
        return _SEASON.get({"ME": "MS", "QE": "QS", "YE": "YS"}.get(unit, unit), 1) if number == 1 else 1


def parse(alias: str) -> Frequency:
    """The frequency of a pandas alias, with or without a multiple: `15min`, `B`, `W-MON`, `QS`; also `B-XNYS`, the
    sessions of a trading calendar.

    Raises: ConfigError for an alias that is none of s min h D B W MS QS YS and their multiples.
    """
    number, unit = _split(alias)
    base = unit.split("-")[0]
    if number < 1:
        raise ConfigError(f"step '{alias}': the multiple must be at least 1.")
    if base in _FIXED:
        return Frequency(alias, "fixed", number * _FIXED[base])
    if base == "B":
        calendar = unit.partition("-")[2]
        return Frequency(alias, "business", number, calendar=sessions(calendar).name if calendar else "")
    if base in _MONTHS:
        return Frequency(alias, "month", number * _MONTHS[base], month_end=base.endswith("E") or len(base) == 1)
    if unit == "int":
        return Frequency(alias, "integer", number)
    raise ConfigError(f"unknown step '{alias}'. Use s, min, h, D, B, W, MS, QS or YS, or a multiple like 15min.")


def parse_duration(text: str) -> int:
    """Microseconds of a length of time such as `90s`, `15min`, `6h`, `2D`."""
    step = parse(text)
    if step.kind != "fixed":
        raise ConfigError(f"'{text}' is not a fixed length of time. Use s, min, h, D or W.")
    return step.size


def fixed(micros: int) -> Frequency:
    """The frequency of a fixed step, under its shortest alias."""
    for unit in ("W", "D", "h", "min", "s", "ms", "us"):
        if micros % _FIXED[unit] == 0:
            number = micros // _FIXED[unit]
            return Frequency(unit if number == 1 else f"{number}{unit}", "fixed", micros)
    raise AssertionError("every step is a multiple of a microsecond")


def weekly(number: int, weekday: int) -> Frequency:
    """The frequency of steps of `number` weeks that fall on a weekday (Monday is 0)."""
    name = f"W-{_WEEKDAYS[weekday]}"
    return Frequency(name if number == 1 else f"{number}{name}", "fixed", number * 7 * DAY)


def monthly(months: int, *, month_end: bool) -> Frequency:
    """The frequency of a step of whole months, under its shortest alias."""
    unit, length = next((u, n) for u, n in (("Y", 12), ("Q", 3), ("M", 1)) if months % n == 0)
    number = months // length
    name = unit + ("E" if month_end else "S")
    return Frequency(name if number == 1 else f"{number}{name}", "month", months, month_end=month_end)


def _split(alias: str) -> tuple[int, str]:
    match = re.fullmatch(r"(\d*)([A-Za-z]+(?:-[A-Za-z]+)?)", alias.strip())
    if not match:
        raise ConfigError(f"step '{alias}' is not a frequency alias. Use one like h, 15min, D, W-MON or MS.")
    legacy = {"H": "h", "T": "min", "S": "s", "BM": "B"}
    return int(match.group(1) or 1), legacy.get(match.group(2), match.group(2))


def _days(times: Ints) -> Days:
    return times.view("datetime64[us]").astype("datetime64[D]")


def _micros(days: Days) -> Ints:
    return days.astype("datetime64[us]").view(np.int64)


def _month_start(times: Ints) -> Days:
    return times.view("datetime64[us]").astype("datetime64[M]")


def _months(times: Ints) -> Ints:
    return _month_start(times).astype(np.int64)
