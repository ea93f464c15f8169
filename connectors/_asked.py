"""A slice in the form in which a source is asked for it, and the error if it answers something else."""

from datetime import UTC, date, datetime, timedelta

from forecaster.errors import ForecasterError, SourceError
from forecaster.series.source import Slice, Span
from forecaster.series.timed import Timed, first_time

__all__ = ["days", "ends", "millis", "reached", "wrong"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT, _MILLI = timedelta(microseconds=1), timedelta(milliseconds=1)


def reached(connector: Timed) -> list[str]:
    """What goes wrong when the first day of the first part is read; empty if nothing does."""
    first = first_time(connector.config.start, datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    piece = Slice(connector.parts()[0], "check", first, first + timedelta(days=1))
    try:
        for _ in connector.read(piece):
            pass
    except ForecasterError as error:
        return [str(error)]
    return []


def ends(piece: Slice) -> Span:
    """First time, included, and last, excluded, of a slice that was planned as a span."""
    assert piece.start is not None, f"{piece} is no span of time"
    assert piece.end is not None, f"{piece} is no span of time"
    return piece.start, piece.end


def days(piece: Slice) -> tuple[date, date]:
    """First and last civil day, both included, that a half-open span touches."""
    start, end = ends(piece)
    return start.date(), (end - _INSTANT).date()


def millis(piece: Slice) -> tuple[int, int]:
    """First and last millisecond since 1970, both included."""
    start, end = ends(piece)
    return -((_EPOCH - start) // _MILLI), -((_EPOCH - end) // _MILLI) - 1


def wrong(source: str, piece: Slice, came: str, expected: str, next_: str = "") -> SourceError:
    """An answer of "200 OK" that cannot be believed; the intake adds the span, and that the next run asks again."""
    return SourceError(f"{source} '{piece.part}': got {came}, expected {expected}. {next_}".rstrip())
