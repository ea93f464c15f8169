"""Schedules: `every 6h`, or a cron line in UTC."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

from forecaster.errors import ConfigError
from forecaster.series.frequency import parse_duration

__all__ = ["cron", "interval", "longest_wait"]

_HELP = "Use a cron line in UTC such as '0 6 * * *' (minute, hour, day, month, weekday), or 'every 6h'."
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DAYS_OF_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIELDS: Sequence[tuple[str, int, int, Mapping[str, int]]] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("weekday", 0, 7, {name: number for number, name in enumerate(_WEEKDAYS)}),
)
"""Name of a field, its least and greatest number, and names of some numbers."""

_FIRST_DAY, _DAYS_LOOKED_AT = date(2000, 1, 1), 9 * 366
"""A range of days that contains two leap days."""


def interval(text: str) -> timedelta | None:
    """The length of `every 6h`; None for a text that does not begin so. Raises: ConfigError for an invalid length"""
    words = text.split()
    if words[:1] != ["every"]:
        return None
    if len(words) != 2:
        raise ConfigError(f"'{text}' says not how often. {_HELP}")
    return timedelta(microseconds=parse_duration(words[1]))


def cron(text: str) -> str:
    """A checked cron line: five fields of numbers, ranges, steps, lists and names of months and weekdays.

    Raises: ConfigError for one that cannot be parsed, or that never comes
    """
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ConfigError(f"'{text}' has {len(fields)} fields, not five. {_HELP}")
    *_, days, months, _ = (_numbers(field, *about) for field, about in zip(fields, _FIELDS, strict=True))
    any_weekday = fields[4] == "*"  # else cron takes a day that either names
    if any_weekday and min(days) > max(_DAYS_OF_MONTHS[month - 1] for month in months):
        raise ConfigError(f"'{text}' never comes: no such month has a day {min(days)}. {_HELP}")
    return " ".join(fields)


@lru_cache
def longest_wait(text: str) -> timedelta | None:
    """The longest time between two runs; None if no run follows. Raises: ConfigError as `interval` and `cron` do"""
    every = interval(text)
    if every is not None:
        return every
    minutes, hours, *day = (_numbers(field, *about) for field, about in zip(cron(text).split(), _FIELDS, strict=True))
    of_day = sorted(60 * hour + minute for hour in hours for minute in minutes)
    days = _days(*day, by_either=all(field != "*" for field in text.split()[2::2]))
    waits = [later - sooner for sooner, later in pairwise(of_day)]
    waits += [24 * 60 * (later - sooner) + of_day[0] - of_day[-1] for sooner, later in pairwise(days)]
    return timedelta(minutes=max(waits)) if waits else None


def _days(days: set[int], months: set[int], weekdays: set[int], *, by_either: bool) -> list[int]:
    """The days that are meant in some years, counted from the first."""
    found = []
    for number in range(_DAYS_LOOKED_AT):
        day = _FIRST_DAY + timedelta(days=number)
        named = (day.day in days, bool({day.isoweekday(), day.isoweekday() % 7} & weekdays))
        if day.month in months and (any(named) if by_either else all(named)):
            found.append(number)
    return found


def _numbers(field: str, what: str, least: int, most: int, names: Mapping[str, int]) -> set[int]:
    """All numbers that a field names. Raises: ConfigError for an invalid field"""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d+))?", part)
        if not match:
            raise ConfigError(f"{what} '{field}' cannot be read. {_HELP}")
        first, last, step = match.groups()
        begin = least if first is None else _number(first, what, least, most, names)
        end = most if first is None or (step and not last) else begin
        end = _number(last, what, least, most, names) if last else end
        if begin > end or (step and int(step) == 0):
            raise ConfigError(f"{what} '{part}' names nothing. {_HELP}")
        found |= set(range(begin, end + 1, int(step or 1)))
    return found


def _number(text: str, what: str, least: int, most: int, names: Mapping[str, int]) -> int:
    number = names.get(text.lower(), int(text) if text.isdecimal() else -1)
    if not least <= number <= most:
        raise ConfigError(f"{what} '{text}' lies not in {least} to {most}. {_HELP}")
    return number
