"""A span of time in the format of a database column, for use in a query."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from forecaster.errors import ConfigError
from forecaster.series.instants import UNITS, zone
from forecaster.series.source import Span

__all__ = ["bounds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ASIDE = timedelta(hours=3)
"""How far from a change of the clocks the wall clock is trusted."""


def bounds(sample: Any, span: Span, timezone: str, unit: str) -> tuple[Any, Any, bool]:
    """First value, last value (excluded) and whether they give the span exactly; else they give more.

    Texts are asked for by days, however they write hours and zones; wall clocks near a change of the clocks some hours
    aside, since there they go back and forth.

    Raises: ConfigError where `sample`, a value of that column, is no time
    """
    start, end = span
    day = timedelta(days=1)
    if isinstance(sample, datetime) and sample.tzinfo is not None:
        return start, end, True
    if isinstance(sample, datetime):
        (low, sure), (high, too) = _wall(start, timezone, -1), _wall(end, timezone, 1)
        return low, high, sure and too
    if isinstance(sample, date):
        return (start - day).date(), (end + 2 * day).date(), False
    if isinstance(sample, str) and re.match(r"\d{4}-\d\d-\d\d", sample):
        return str((start - day).date()), str((end + 2 * day).date()), False
    try:
        float(sample)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"{sample!r} is no time. Expected a time, a text such as 2024-03-31T01:00Z or a number; CAST it in a 'query'."
        ) from error
    return _number(start, unit), _number(end, unit), True


def _wall(at: datetime, timezone: str, direction: int) -> tuple[datetime, bool]:
    """A time on a wall clock, and whether the clocks stay as they are around it."""
    place = zone(timezone)
    stays = (at - _ASIDE).astimezone(place).utcoffset() == (at + _ASIDE).astimezone(place).utcoffset()
    return (at if stays else at + direction * _ASIDE).astimezone(place).replace(tzinfo=None), stays


def _number(at: datetime, unit: str) -> int | float:
    """Units since 1970: whole ones as such, since a large number is exact only so."""
    micros = (at - _EPOCH) // timedelta(microseconds=1)
    if unit == "ns":
        return micros * 1000
    return micros / UNITS[unit] if micros % UNITS[unit] else int(micros // UNITS[unit])
