"""Texts for times, durations and numbers on the pages."""

from datetime import datetime, timedelta

import pandas as pd

__all__ = ["ago", "length", "number", "step_of", "when"]

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_LONG = 2
"""A duration is shown in the largest unit of which it has at least 2."""


def when(time: datetime) -> str:
    """A time in UTC, to the minute: `2024-03-31 01:00`."""
    return f"{time:%Y-%m-%d %H:%M}"


def length(span: timedelta) -> str:
    """A duration in one unit: `90 min`, `5 h`, `3 d`."""
    seconds = span.total_seconds()
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= _LONG * size), _UNITS[-1])
    return f"{seconds / size:,.0f} {unit}"


def ago(time: datetime, now: datetime) -> str:
    """How long ago a time was, or how far ahead it is: `5 h ago`, `in 5 h`."""
    return f"{length(now - time)} ago" if time <= now else f"in {length(time - now)}"


def number(value: float) -> str:
    """A number with four significant digits; large ones as whole numbers, without an exponent."""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def step_of(text: str) -> timedelta | None:
    """The duration of a step such as `10min`, `h` or `D`; for steps of varying length, such as months, a typical one; None if
    unknown."""
    usual = {"B": "D", "W": "7D", "MS": "30D", "ME": "30D", "QS": "91D", "QE": "91D", "YS": "365D", "YE": "365D"}
    try:
        known = usual.get(text.split("-")[0], text)
        return pd.to_timedelta(known if known[:1].isdigit() else f"1{known}").to_pytimedelta() if known else None
    except ValueError:
        return None
