"""Trading calendars: the days on which an exchange is open, which bars are missing, and which come next."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from forecaster.errors import ConfigError, MissingPackage, unknown_name

__all__ = ["TARGET", "Days", "Ints", "Sessions", "sessions"]

TARGET = "TARGET"
"""The calendar of days on which the euro area's payment system works and the ECB publishes rates."""

Days = npt.NDArray[np.datetime64]
Ints = npt.NDArray[np.int64]

_AROUND = np.arange(np.datetime64("1900-01-01"), np.datetime64("2100-01-01"))
_FIRST, _LAST = "1990-01-01", "2040-01-01"
_RARE = 0.01
"""A weekday with a smaller share of sessions is an exception, such as a Saturday on which systems are tested."""


@dataclass(frozen=True)
class Sessions:
    """The days on which an exchange is open, known from `first` to `last`; outside, all its usual weekdays."""

    name: str
    days: Days
    first: np.datetime64
    last: np.datetime64

    def between(self, first: Any, last: Any) -> Days:
        """Sessions between two days, both included: the bars that a daily series should have.

        Raises: ConfigError beyond the calendar's end
        """
        begin, end = self._counted(first, "left"), self._counted(last, "right")
        return self._known(self.days[begin:end])

    def missing(self, there: Days) -> Days:
        """Sessions without a bar, between the first and the last bar."""
        return np.setdiff1d(self.between(there.min(), there.max()), there) if len(there) else there

    def after(self, day: Any, count: int) -> Days:
        """The next sessions, which are the days of a forecast made after this day's close.

        Raises: ConfigError beyond the calendar's end
        """
        begin = self._counted(day, "right")
        return self._known(self.days[begin : begin + count])

    def positions(self, days: Days, starts: Days) -> Ints:
        """Number of sessions from each start (included) to each day (excluded). Shapes: [rows], [rows] -> [rows]"""
        return np.asarray(self._counted(days, "left") - self._counted(starts, "left"), np.int64)

    def moved(self, starts: Days, by: Ints) -> Days:
        """The session that is `by` after the first one at or after each start. Shapes: [rows], [rows] -> [rows]

        Raises: ConfigError beyond the calendar's end
        """
        return self._known(self.days[np.clip(self._counted(starts, "left") + by, 0, len(self.days) - 1)])

    def _counted(self, days: Any, side: Any) -> Any:
        return np.searchsorted(self.days, np.asarray(days, "datetime64[D]"), side)

    def _known(self, days: Days) -> Days:
        if len(days) and days.max() > self.last:
            raise ConfigError(
                f"calendar '{self.name}' is known up to {self.last}, and {days.max()} was asked for. Take a newer "
                "exchange_calendars, a shorter horizon, or step B."
            )
        return days


@cache
def sessions(name: str) -> Sessions:
    """A calendar by its name in exchange_calendars (XNYS, XLON, ...) or TARGET.

    Raises: ConfigError for an unknown name, MissingPackage without the extra `calendar`
    """
    found = _target() if name == TARGET else _exchange(name)
    usual = np.bincount(_weekday(found), minlength=7) > _RARE * len(found)
    outside = _AROUND[((found[0] > _AROUND) | (found[-1] < _AROUND)) & usual[_weekday(_AROUND)]]
    return Sessions(name, np.union1d(outside, found), found[0], found[-1])


def _weekday(days: Days) -> Ints:
    """Monday is 0."""
    return (days.astype(np.int64) + 3) % 7


def _exchange(name: str) -> Days:
    try:
        import exchange_calendars  # optional, and slow to import
    except ModuleNotFoundError as error:
        raise MissingPackage("exchange_calendars", f"trading calendar '{name}'") from error
    if name not in exchange_calendars.get_calendar_names():
        names = exchange_calendars.get_calendar_names(include_aliases=False)
        raise unknown_name("trading calendar", name, {*names, TARGET})
    try:
        found = exchange_calendars.get_calendar(name, start=_FIRST, end=_LAST)
    except ValueError:
        found = _shorter(exchange_calendars, name)
    days: Days = found.sessions.to_numpy().astype("datetime64[D]")
    return days


def _shorter(library: Any, name: str) -> Any:
    """A calendar with a shorter history: the last twenty years of it in the library."""
    try:
        return library.get_calendar(name)
    except ValueError as error:
        said = str(error).splitlines()[0][:200]
        raise ConfigError(f"exchange_calendars cannot make calendar '{name}': {said}. Take step B.") from error


def _target() -> Days:
    try:
        import holidays  # optional, and slow to import
    except ModuleNotFoundError as error:
        raise MissingPackage("holidays", f"trading calendar '{TARGET}'") from error
    closed = holidays.financial_holidays("XECB", years=range(1999, 2040))
    every = np.arange(np.datetime64("1999-01-01"), np.datetime64("2040-01-01"))
    return np.setdiff1d(every[_weekday(every) < 5], np.array(sorted(closed), "datetime64[D]"))
