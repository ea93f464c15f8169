"""What messages carry: a number, a JSON object with a value, one with a value in each member, or a list of such."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from forecaster.series.instants import UNITS, zone

__all__ = ["Layout", "Reading"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Reading:
    """One value of a message."""

    name: tuple[str, ...]
    """What the payload adds to the name of the series."""
    ds: datetime | str
    """UTC; text where it is no time that can be, for the border to name."""
    y: Any
    arrived: bool
    """The time is that of arrival, since the message has none."""


@dataclass(frozen=True)
class Layout:
    """Where in a payload things are."""

    value_key: str = "value"
    time_key: str = ""
    time_unit: str = "s"
    timezone: str = "UTC"
    id_keys: Sequence[str] = field(default_factory=tuple)
    skew: timedelta = timedelta(minutes=5)

    def readings(self, payload: bytes, now: datetime) -> Iterator[Reading]:
        """Values of a payload that came `now`. One that cannot be read is given as its text, for the border to refuse."""
        text = payload.decode("utf-8", "replace")
        try:
            found = json.loads(text)
        except ValueError:
            found = text
        for one in found if isinstance(found, list) else [found]:
            yield from self._of_one(one, now)

    def _of_one(self, found: Any, now: datetime) -> Iterator[Reading]:
        if not isinstance(found, dict):
            yield Reading((), now, _value(found), arrived=True)
            return
        name = tuple(str(found[key]) for key in self.id_keys if key in found)
        written = found.get(self.time_key) if self.time_key else None
        ds = now if written is None else self._time(written, now)
        if self.value_key in found:
            yield Reading(name, ds, _value(found[self.value_key]), written is None)
            return
        apart = {self.time_key, *self.id_keys}
        numbers = {key: y for key, y in found.items() if key not in apart and isinstance(y, (int, float))}
        for key, y in numbers.items():
            yield Reading((*name, key), ds, float(y), written is None)
        if not numbers and not any(found[key] is None for key in found if key not in apart):
            yield Reading(name, ds, json.dumps(found), written is None)

    def _time(self, written: Any, now: datetime) -> datetime | str:
        try:
            at = self._instant(written)
        except (ValueError, TypeError, OverflowError):
            return str(written)
        late = at > now + self.skew
        return f"{at.isoformat()} is more than {self.skew} after its arrival at {now.isoformat()}" if late else at

    def _instant(self, written: Any) -> datetime:
        if isinstance(written, str):
            at = datetime.fromisoformat(written.strip())
            return (at if at.tzinfo else at.replace(tzinfo=zone(self.timezone), fold=1)).astimezone(UTC)
        if not math.isfinite(written):
            raise ValueError(written)
        return _EPOCH + timedelta(microseconds=round(written * UNITS[self.time_unit]))


def _value(found: Any) -> Any:
    """Numbers as floats, null as None, everything else as text."""
    if found is None or isinstance(found, (bool, int, float)):
        return None if found is None else float(found)
    return found if isinstance(found, str) else json.dumps(found)
