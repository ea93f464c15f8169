"""Dates written as plain integers, `20240131`: they look like counts of steps, and no step leads from one month to the next."""

import numpy as np
import pandas as pd

from forecaster.errors import DataError
from forecaster.series.frequency import Ints

__all__ = ["require_counts"]

_FORMATS = {6: "%Y%m", 8: "%Y%m%d", 10: "%Y%m%d%H", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""By the number of digits."""
_YEARS = (1900, 2100)
"""Counts of steps or seconds hardly all look like days of these years."""


def require_counts(times: Ints) -> None:
    """Raises: DataError where every integer reads as a date, too."""
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


def _shown(time: int, digits: int) -> str:
    return f"the date {pd.to_datetime(str(time), format=_FORMATS[digits]):{'%Y-%m-%d' if digits <= 8 else '%Y-%m-%d %H:%M'}}"
