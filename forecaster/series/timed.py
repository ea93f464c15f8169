"""Sources that are queried by time spans: an API of history, a table with a time column.

What is done is a set of half-open spans for each part. A run plans the spans missing up to its own time, and reads the
last part of what is done again, for rows that came late or were revised. A failed slice leaves a gap, which the next
run fills.
"""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from forecaster.errors import ConfigError
from forecaster.series.frequency import parse_duration
from forecaster.series.source import Connector, Done, Slice, Span, Window

__all__ = ["Timed", "cut", "first_time", "without"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Timed(Connector):
    """A connector whose parts (stations, symbols, queries) are read span by span."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Connector.Config):
        start: str = "30D"
        """First time to read: a date such as 2020-01-01, or how long before now."""
        span: str = "30D"
        """Longest time span of one query; each such piece is done completely or not at all."""
        lookback: str = ""
        """How much of what is done each run reads again, for late and revised rows, such as `5D`; empty for none."""
        settle: str = ""
        """Do not read data younger than this, such as `2h`: a bar that is still open, a bucket that is filling."""

        def __post_init__(self) -> None:
            if not _length(self.span):
                raise ValueError("span must be a length of time such as 30D, got nothing")
            _length(self.lookback), _length(self.settle), first_time(self.start, _EPOCH)

    config: Config

    @abstractmethod
    def parts(self) -> list[str]:
        """The parts of the source; each has a watermark of its own."""

    def plan(self, window: Window, done: Done) -> list[Slice]:
        config = self.config
        end = window.end - _length(config.settle)
        start = window.start or first_time(config.start, window.end)
        slices = []
        for part in self.parts():
            spans = [] if window.again else list(done.spans.get(part, ()))
            again = f"again:{window.end.isoformat()}"
            todo = [(span, again if window.again else "span") for span in without((start, end), spans)]
            todo += [(span, again) for span in self._again(window, spans, start, end)]
            pieces = (Slice(part, cursor, *piece) for span, cursor in todo for piece in cut(span, _length(config.span)))
            slices += sorted(pieces, key=lambda piece: (piece.start, piece.end))
        return slices

    def _again(self, window: Window, spans: Sequence[Span], start: datetime, end: datetime) -> list[Span]:
        """The last part of what is done, if something new follows it; nothing in a back-fill."""
        lookback = _length(self.config.lookback)
        if window.start is not None or not spans or not lookback or end <= spans[-1][1]:
            return []
        return [(max(start, spans[-1][1] - lookback), spans[-1][1])]


def first_time(text: str, now: datetime) -> datetime:
    """A date in UTC, or a length of time before `now`. Raises: ConfigError for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now - _length(text)
        except ConfigError as error:
            raise ConfigError(
                f"start '{text}' is neither a date such as 2020-01-01 nor a length such as 30D."
            ) from error
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def without(whole: Span, done: Iterable[Span]) -> list[Span]:
    """The parts of a span that are not done. `done` is sorted."""
    left, at = [], whole[0]
    for first, last in done:
        if first >= whole[1]:
            break
        if first > at:
            left.append((at, first))
        at = max(at, last)
    return [*left, (at, whole[1])] if at < whole[1] else left


def cut(span: Span, longest: timedelta) -> Iterator[Span]:
    """Cut a span into pieces that end on multiples of `longest`, so that the same times give the same pieces."""
    at = span[0]
    while at < span[1]:
        border = _EPOCH + ((at - _EPOCH) // longest + 1) * longest
        yield at, min(border, span[1])
        at = border


def _length(text: str) -> timedelta:
    return timedelta(microseconds=parse_duration(text)) if text.strip() else timedelta()
