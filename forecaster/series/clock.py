"""The user's format of times, recognised at the border and restored in the output.

Inside the project time is int64 microseconds, UTC (or the wall clock of the data's own zone for steps of
a day and longer, where a day is not always 24 hours), or a plain integer.
"""

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from forecaster.counted import counted
from forecaster.errors import ConfigError, DataError
from forecaster.series.frequency import Ints
from forecaster.series.month_names import full_name, full_names
from forecaster.series.official_dates import first_day, first_days

__all__ = ["Clock", "are_zoned_alike", "comes_again", "stamp"]

_SHOWN = 3
_FRACTION = re.compile(r":\d\d\.\d")
_YEAR_FIRST = re.compile(r"\s*\d{4}")
_DAY_FIRST = re.compile(r"\s*\d{1,2}\.\s?\d{1,2}\.\s?\d{4}")
"""With points between them, the day comes first wherever dates are written so."""
_ZONE = r"(?:[Zz]|UTC|GMT|(?::\d\d|T\d\d+)(?:[.,]\d+)?\s?[+-]\d\d(?::?\d\d)?)\s*$"
"""The end of a text that names its zone."""
_EARLIEST = int(np.datetime64("1000-01-01", "us").astype(np.int64))
"""Earlier years are refused: texts without a year, such as `Jan-10`, and empty dates of databases parse as year 1."""
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


@dataclass(frozen=True)
class Clock:
    """How to read the times of one input, and how to write times in the same format.

    Missing: an unreadable or absent time encodes as the smallest int64 (`Clock.ABSENT`)
    """

    dtype: str
    """Type of the input's column: `int64`, `datetime64[us]`, `datetime64[us, Europe/Paris]`, `str`, `object`."""
    zone: tzinfo | str | None
    """Zone of the input's times; None for naive ones."""
    wall: bool = False
    """Encode the zone's wall clock, not UTC."""
    text: str = ""
    """strftime format of times that came as text."""

    ABSENT = np.iinfo(np.int64).min

    @classmethod
    def of(cls, column: "pd.Series[Any]", zone: str | None = None) -> "Clock":
        """The clock of a column; naive times are in `zone` if one is given, else in UTC."""
        if pd.api.types.is_integer_dtype(column.dtype):
            return cls("int64", None)
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            return cls(str(column.dtype), column.dtype.tz)
        if pd.api.types.is_datetime64_dtype(column.dtype):
            return cls(str(column.dtype), _checked_zone(zone))
        is_other = (f"is_{kind}_dtype" for kind in ("numeric", "bool", "timedelta64"))
        if any(getattr(pd.api.types, name)(column.dtype) for name in is_other):
            raise DataError(
                f"column 'ds' holds {column.dtype} values. Give times (2024-03-31 or 2024-03-31T01:00Z) or integers."
            )
        text = first_days(column.dropna().astype(str))
        first, longest = (text.iloc[0], text.iloc[text.str.len().argmax()]) if len(text) else ("", "")
        aware = _aware(first)
        return cls("str", UTC if aware else _checked_zone(zone), text=_format(longest, aware))

    @property
    def integer(self) -> bool:
        """Whether `ds` holds integers instead of times."""
        return self.dtype == "int64"

    def encode(self, column: "pd.Series[Any]", codes: Ints | None = None) -> Ints:
        """Times as int64. With `codes` of the series, the doubled hour in autumn is resolved by the order of rows.

        Raises: DataError naming the first values that are not times.
        """
        if self.integer:
            return np.asarray(column.to_numpy(np.int64))
        times: Any = column
        if self.zone not in (None, UTC) or not pd.api.types.is_datetime64_dtype(column.dtype):
            times = self._utc(column, codes)
            if self.wall and self.zone is not None:
                times = times.dt.tz_convert(self.zone)
            times = times.dt.tz_localize(None)
        encoded: Ints = times.to_numpy("datetime64[us]").view(np.int64)
        _require_years(encoded, column)
        return encoded

    def decode(self, times: Ints) -> "pd.Series[Any]":
        """Times in the format of the input's column."""
        if self.integer:
            return pd.Series(times)
        stamps: Any = pd.Series(times.view("datetime64[us]"))
        aware: pd.Series[Any]
        naive: pd.Series[Any]
        if "," not in self.dtype and (self.zone is None or self.zone is UTC):
            return stamps.dt.strftime(self.text) if self.text else pd.Series(stamps, dtype=self.dtype)
        if self.wall and self.zone is not None:
            aware = stamps.dt.tz_localize(self.zone, ambiguous=False, nonexistent="shift_forward")
        else:
            aware = stamps.dt.tz_localize(UTC)
        if self.dtype.startswith("datetime64") and "," in self.dtype:
            return pd.Series(aware.dt.tz_convert(self.zone), dtype=self.dtype)
        naive = aware.dt.tz_convert(self.zone or UTC).dt.tz_localize(None)
        return naive.dt.strftime(self.text) if self.text else pd.Series(naive, dtype=self.dtype)

    def encode_texts(self, texts: Sequence[str]) -> Ints:
        """The same as `encode` for a few ISO texts, without the half millisecond that a column takes."""
        if self.zone not in (None, UTC):
            return self.encode(pd.Series(texts, dtype="str"))
        try:
            stamps = [datetime.fromisoformat(text) for text in texts]
        except ValueError:
            return self.encode(pd.Series(texts, dtype="str"))
        utc = (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=UTC) for stamp in stamps)
        return np.array([(stamp - _EPOCH) // _MICROSECOND for stamp in utc], np.int64)

    def texts(self, times: Ints) -> list[Any]:
        """A few times as ISO texts; integers stay integers."""
        if self.integer:
            return [int(time) for time in times]
        if self.zone is None and not self.text and not self.wall:
            with suppress(OverflowError):
                return [(_EPOCH + int(time) * _MICROSECOND).replace(tzinfo=None).isoformat() for time in times]
        return [t.isoformat() if hasattr(t, "isoformat") else str(t) for t in self.decode(times)]

    def local(self, times: Ints) -> Ints:
        """Wall-clock times of encoded times, in the zone of the data (UTC if it has none)."""
        if self.integer or self.wall or self.zone is None or self.zone is UTC:
            return times
        stamps = pd.Series(times.view("datetime64[us]")).dt.tz_localize(UTC).dt.tz_convert(self.zone)
        return stamps.dt.tz_localize(None).to_numpy("datetime64[us]").view(np.int64)

    def instant(self, value: Any, option: str) -> int:
        """One time given by the user (`--train-until 2024-03-31`) as int64.

        Raises: ConfigError if it is not a time of this clock.
        """
        try:
            column = pd.Series([int(value)] if self.integer else [stamp(value, option)])
            return int(Clock.encode(self._like(column), column)[0])
        except (ValueError, TypeError) as error:
            kind = "an integer" if self.integer else "a time like 2024-03-31 or 2024-03-31T01:00Z"
            raise ConfigError(f"{option}: '{value}' is not {kind}.") from error

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        zone = None if self.zone is None else str(self.zone)
        return {"dtype": self.dtype, "zone": zone, "wall": self.wall, "text": self.text}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Clock":
        """From `to_json`'s data."""
        return cls(**{**data, "zone": UTC if data["zone"] == "UTC" else data["zone"]})

    def with_wall(self) -> "Clock":
        """The same clock, encoding the wall clock."""
        return replace(self, wall=True)

    def _like(self, column: "pd.Series[Any]") -> "Clock":
        """This clock for a column that may have a zone of its own."""
        own = Clock.of(column)
        zone = (self.zone or own.zone) if self.wall else (own.zone or self.zone)
        return replace(own, zone=zone, wall=self.wall)

    def _utc(self, column: "pd.Series[Any]", codes: Ints | None) -> "pd.Series[Any]":
        if pd.api.types.is_string_dtype(column.dtype) or column.dtype == object:
            column = _parsed(column)
        times: Any = pd.Series(column)
        if times.dt.tz is None:
            zone = self.zone or UTC
            summer = comes_again(times, codes) if codes is not None and zone is not UTC else False
            times = times.dt.tz_localize(zone, ambiguous=summer, nonexistent="shift_forward")
        utc: pd.Series[Any] = times.dt.tz_convert(UTC)
        return utc


def comes_again(times: "pd.Series[Any] | pd.DatetimeIndex", codes: Ints) -> npt.NDArray[np.bool_]:
    """Rows whose time occurs again later in the same series: in a doubled hour they are the first occurrence."""
    rows = pd.DataFrame({"series": codes, "time": times.to_numpy()})
    return np.asarray(rows.duplicated(keep="last"))


def stamp(value: Any, option: str) -> pd.Timestamp:
    """One time given by the user. Raises: ConfigError if day and month are ambiguous, ValueError if it is not a time"""
    value = full_name(first_day(value)) if isinstance(value, str) else value
    found = pd.Timestamp(value)
    if isinstance(value, str) and not _YEAR_FIRST.match(value):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pandas says that it guesses; this is the check of it
            day, month = (pd.to_datetime(value, dayfirst=first) for first in (True, False))
        if _DAY_FIRST.match(value):
            return day
        if day != month:
            raise ConfigError(f"{option}: '{value}' is {month:%Y-%m-%d} or {day:%Y-%m-%d}. Write one of these.")
    return found


def _require_years(times: Ints, column: "pd.Series[Any]") -> None:
    """Check the years. Raises: DataError for times before the year 1000"""
    if len(times) == 0 or times.min() >= _EARLIEST:
        return
    early = np.flatnonzero((times < _EARLIEST) & (times != Clock.ABSENT))
    if len(early):
        row, value = column.index[early[0]], column.iloc[early[0]]
        raise DataError(
            f"column 'ds': {counted(len(early), 'time lies', 'times lie')} before the year 1000, first {str(value)!r} in row {row}. "
            "Write the year with four digits, as in 2024-01-31; leave an unknown time empty."
        )


def are_zoned_alike(text: "pd.Series[Any] | pd.Index") -> bool:
    """Whether all texts name a zone, or none does."""
    return pd.Series(text).dropna().str.contains(_ZONE, regex=True).nunique() < 2


def _require_alike(text: "pd.Series[Any]") -> None:
    """Check that all times name a zone or none does. Raises: DataError, since the two kinds may be hours apart"""
    zoned = text.str.contains(_ZONE, regex=True)
    if len(text) and zoned.nunique() > 1:
        row = text.index[zoned != zoned.iloc[0]][0]
        bare, named = (text[row], text.iloc[0]) if zoned.iloc[0] else (text.iloc[0], text[row])
        raise DataError(
            f"column 'ds': {bare!r} has no zone, {named!r} has one (first change in row {row}). "
            "Write a zone with every time, or with none and give it by --tz."
        )


def _parsed(column: "pd.Series[Any]") -> "pd.Series[Any]":
    text = first_days(column.astype("str").where(column.notna()))
    _require_alike(text.dropna())
    aware = bool(len(text.dropna())) and _aware(text.dropna().iloc[0])
    times = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=aware)
    if (times.isna() & text.notna()).any():
        times = _guessed(text, aware)
    if (times.isna() & text.notna()).any() and (named := full_names(text)) is not None:
        times = _guessed(named, aware)
    bad = times.isna() & text.notna()
    if bad.any():
        rows = ", ".join(f"row {row}: {text[row]!r}" for row in text.index[bad][:_SHOWN])
        raise DataError(
            f"column 'ds': {counted(int(bad.sum()), 'value is no time', 'values are no times')} ({rows}). Use ISO times like 2024-03-31T01:00Z."
        )
    return times


def _guessed(text: "pd.Series[Any]", aware: bool) -> "pd.Series[Any]":
    """Times in formats other than ISO's. Raises: DataError if day and month are ambiguous"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # pandas says that it guesses; so do we, and check it
        if _YEAR_FIRST.match(text.dropna().iloc[0]):
            return pd.to_datetime(text, errors="coerce", utc=aware)
        month, day = (pd.to_datetime(text, errors="coerce", utc=aware, dayfirst=first) for first in (False, True))
    if day.isna().sum() < month.isna().sum() or text.dropna().str.match(_DAY_FIRST).all():
        return day
    differ = (day != month) & day.notna() & month.notna()
    if day.isna().sum() == month.isna().sum() and differ.any():
        at = int(differ.to_numpy().argmax())
        raise DataError(
            f"column 'ds': {text.iloc[at]!r} (row {text.index[at]}) is {month.iloc[at]:%Y-%m-%d} or {day.iloc[at]:%Y-%m-%d}. "
            "Use ISO times like 2024-03-31T01:00Z."
        )
    return month


def _format(longest: str, aware: bool) -> str:
    """The strftime format of a column of texts, from the longest of them."""
    if len(longest) <= len("2024-03-31"):
        return "%Y-%m-%d"
    separator = "T" if "T" in longest else " "
    return f"%Y-%m-%d{separator}%H:%M:%S" + (".%f" if _FRACTION.search(longest) else "") + ("Z" if aware else "")


def _aware(value: object) -> bool:
    try:
        return pd.Timestamp(str(value)).tzinfo is not None
    except (ValueError, TypeError):
        return False


def _checked_zone(zone: str | None) -> str | None:
    if zone is None:
        return None
    try:
        pd.Timestamp("2000-01-01", tz=zone)
    except Exception as error:
        raise ConfigError(f"--tz: unknown time zone '{zone}'. Use a name like Europe/Paris or UTC.") from error
    return zone
