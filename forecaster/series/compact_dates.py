"""Detects times written as integers: dates such as `20240131`, which have no even step, years, and counts since 1970."""

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.series.frequency import Ints

__all__ = ["require_counts", "since_1970", "years"]

_FORMATS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Date formats by the number of digits."""
_YEARS = (1900, 2100)
"""Range of years: counts of steps or seconds are unlikely to all look like dates in it."""

_FIRST_YEAR = 1500
"""Earlier years are hardly those of a series."""

_UNITS = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_SHORT = dict(zip(_UNITS, ("s", "ms", "us", "ns"), strict=True))
_FROM, _TO = 315_532_800, 4_102_444_800
"""Seconds since 1970 of the first days of 1980 and of 2100."""


def require_counts(times: Ints) -> None:
    """Check that integers are counts. Raises: DataError if all of them could also be dates"""
    if len(times) == 0 or times.min() < 10 ** (min(_FORMATS) - 1):
        return
    digits = len(str(times.min()))
    if digits not in _FORMATS or len(str(times.max())) != digits:
        return
    found = pd.to_datetime(pd.Series(np.unique(times)).astype("str"), format=_FORMATS[digits], errors="coerce")
    if found.dt.year.between(*_YEARS).all():
        raise DataError(
            f"column 'ds': {times[0]} is a number of steps or {_shown(times[0], digits)}. "
            "Write dates like 2024-01-31 or 2024-01-31T01:00Z; numbers of steps may begin at 0."
        )


def since_1970(times: Ints) -> str | None:
    """A note on integers that look like seconds (or fractions) since 1970, of the years 1980 to 2100, else None."""
    for unit, size in _UNITS.items():
        if len(times) and times.min() >= _FROM * size and times.max() < _TO * size:
            return (
                f"integers in 'ds' count steps, yet look like {unit} since 1970. To have a calendar write times, "
                f"as pandas.to_datetime(ds, unit='{_SHORT[unit]}') makes them"
            )
    return None


def years(times: Ints) -> str | None:
    """A note on integers that look like years, all of 1500 to 2100, else None."""
    if len(times) < 2 or times.min() < _FIRST_YEAR or times.max() > _YEARS[1]:
        return None
    return (
        f"integers in 'ds' count steps, and look like years ({times.min()} to {times.max()}): they stay integers, also in what is "
        f"written, and have no calendar. To have one write dates, as {times.min()}-01-01"
    )


def _shown(time: int, digits: int) -> str:
    return f"the date {pd.to_datetime(str(time), format=_FORMATS[digits]):{'%Y-%m-%d' if digits <= 8 else '%Y-%m-%d %H:%M'}}"
