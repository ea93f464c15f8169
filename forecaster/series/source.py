"""What a connector must do. One file in `connectors/` that gives this is all that a new source takes."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import pyarrow as pa

__all__ = ["Connector", "Done", "SeriesInfo", "Slice", "Span", "Window"]

Span = tuple[datetime, datetime]
"""From the first time, included, to the last, excluded; UTC."""


@dataclass(frozen=True)
class SeriesInfo:
    """A series that a source has, and what is known of it."""

    unique_id: str
    domain: str
    """sensor, finance or weather."""
    unit: str = ""
    step: str = ""
    timezone: str = "UTC"
    calendar: str = ""
    licence: str = ""
    entity: str = ""
    channel: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """A piece of work that is done whole or not at all.

    The same slice always has the same identity, so reading it twice adds nothing: a change in the source must
    change `cursor`.
    """

    part: str
    """A file, a table, a station: what the source is divided into."""
    cursor: str
    """What marks this state of the part: a time, a size and checksum, a version."""
    start: datetime | None = None
    """First time, included; None for all that there is."""
    end: datetime | None = None
    """Last time, excluded."""


@dataclass(frozen=True)
class Window:
    """What a run may read."""

    end: datetime
    """Times from here on are left alone; a scheduled run's own time."""
    start: datetime | None = None
    """First time of a back-fill; None goes on where the stream stands."""
    again: bool = False
    """Also what is done: a back-fill that looks for revisions."""


@dataclass(frozen=True)
class Done:
    """What the ledger remembers of a stream, part by part."""

    cursors: Mapping[str, str] = field(default_factory=dict)
    """Cursor of the newest complete slice."""
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    """Times that complete slices cover: sorted, apart from each other."""


class Connector(ABC):
    """A source of long tables `unique_id, ds, y`.

    `check` looks at settings, and at the other side only when asked to. A source of files or tables plans by what
    marks their state (`Slice.cursor`); one that is asked for spans of time derives from `Timed` (`series/timed.py`);
    one that sends by itself from `Pushing` (`series/pushing.py`).
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Packages beyond the core, for the message when one is missing."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set in a pipeline's `options`."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def check(self, *, reach: bool = False) -> list[str]:
        """What is wrong with the settings, and with `reach` also whether the source answers; empty is well."""

    @abstractmethod
    def discover(self) -> list[SeriesInfo]:
        """Series that the settings name."""

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        """What is known of some series that were read; a source that is slow to discover says it without looking."""
        return [info for info in self.discover() if info.unique_id in names]

    @abstractmethod
    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Slices that are new or changed since, oldest first."""

    @abstractmethod
    def read(self, piece: Slice) -> Iterator[pa.Table]:
        """Rows of a slice, in parts of bounded size, as `series.delivered.table` makes them.

        Raises: SourceError for what the other side did wrong, ConfigError for what it says of the settings
        """
