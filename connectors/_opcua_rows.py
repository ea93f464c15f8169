"""Values of OPC UA, with their times and status codes, as rows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from forecaster.series.delivered import table

__all__ = ["rows_of", "time_of"]


def rows_of(found: Sequence[tuple[str, Any]]) -> pa.Table:
    """Values with their times and status codes; a bad value becomes a text with its code, which the intake refuses."""
    now = datetime.now(UTC)
    return table(
        [name for name, _ in found],
        [time_of(value, now) for _, value in found],
        [_number(value) for _, value in found],
        quality=[_quality(value) for _, value in found],
    )


def time_of(value: Any, otherwise: datetime) -> datetime:
    """The time of a value at its source, else at the server."""
    at: datetime = value.SourceTimestamp or value.ServerTimestamp or otherwise
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _number(value: Any) -> Any:
    found = value.Value.Value if value.Value is not None else None
    if found is None:
        return None
    if value.StatusCode is not None and value.StatusCode.is_bad():
        return f"{found} ({value.StatusCode.name})"
    return float(found) if isinstance(found, (bool, int, float)) else str(found)


def _quality(value: Any) -> str | None:
    """The status code unless it is good; or a note if the value came without a time."""
    if value.StatusCode is not None and not value.StatusCode.is_good():
        return str(value.StatusCode.name)
    return None if value.SourceTimestamp or value.ServerTimestamp else "time of arrival"
