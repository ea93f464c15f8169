"""Dates as offices of statistics write them: `2020-W02`, `2000Q1`, `Q1 2000`, `2010M01`, `2010-S1`; each is its first day."""

import re
from datetime import date
from typing import Any

import pandas as pd

__all__ = ["first_day", "first_days"]

_WEEK = re.compile(r"(?P<year>\d{4})-?W(?P<week>\d\d)(?:-?(?P<day>[1-7]))?")
_PARTS = {
    3: re.compile(r"(?P<year>\d{4})[- ]?Q(?P<part>[1-4])|Q(?P<part_first>[1-4])[- /]?(?P<year_last>\d{4})"),
    1: re.compile(r"(?P<year>\d{4})[- ]?M(?P<part>\d{1,2})"),
    6: re.compile(r"(?P<year>\d{4})[- ]?[SH](?P<part>[12])"),
}
"""Patterns by the number of months in each part of a year."""


def first_days(text: "pd.Series[Any]") -> "pd.Series[Any]":
    """Texts with such dates replaced by ISO days, if the first text is such a date.

    Missing: unchanged; so are other texts, for the border to report them
    """
    known = text.dropna()
    if len(known) == 0 or first_day(known.iloc[0]) == known.iloc[0]:
        return text
    codes, different = pd.factorize(text)
    days = pd.array([first_day(one) for one in different], dtype="str")
    return pd.Series(days.take(codes, allow_fill=True), text.index, name=text.name)


def first_day(text: str) -> str:
    """The first ISO day of such a date; any other text unchanged."""
    plain = text.strip().upper()
    try:
        if found := _WEEK.fullmatch(plain):
            return date.fromisocalendar(int(found["year"]), int(found["week"]), int(found["day"] or 1)).isoformat()
        for months, pattern in _PARTS.items():
            if found := pattern.fullmatch(plain):
                named = {name: int(value) for name, value in found.groupdict().items() if value}
                year, part = named.get("year") or named["year_last"], named.get("part") or named.get("part_first", 0)
                return date(year, months * (part - 1) + 1, 1).isoformat()
    except ValueError:
        return text
    return text
