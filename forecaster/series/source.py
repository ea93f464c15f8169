"""The contract of a connector. A new source needs only one file in `connectors/` that implements it."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

import pyarrow as pa

__all__ = ["Connector", "Done", "SeriesInfo", "Slice", "Span", "Window"]

Span = tuple[datetime, datetime]
"""Start (included) and end (excluded), UTC."""


@dataclass(frozen=True)
class SeriesInfo:
    """A series of a source, and what is known about it."""

    unique_id: str
    domain: str
    """sensor, finance or weather."""
    unit: str = ""
    """Of its values, as the source writes it."""
    step: str = ""
    """Distance of its rows, such as 15min, h or D; empty if it is not known."""
    timezone: str = "UTC"
    """That of its place; times of rows are in UTC all the same."""
    calendar: str = ""
    """Days that have values, such as 24/7 or TARGET; empty if that is not known."""
    licence: str = ""
    entity: str = ""
    """What it belongs to: a machine, a station, a symbol."""
    channel: str = ""
    """Which quantity of that it is."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """A piece of work that is done completely or not at all.

    The same slice always has the same identity, so reading it twice adds nothing: a change in the source must
    change `cursor`.
    """

    part: str
    """The part of the source it belongs to: a file, a table, a station."""
    cursor: str
    """Identifies the state of the part: a time, a size and checksum, a version."""
    start: datetime | None = None
    """First time, included; None for everything there is."""
    end: datetime | None = None
    """Last time, excluded."""


@dataclass(frozen=True)
class Window:
    """What a run may read."""

    end: datetime
    """Times from here on are not read; in a scheduled run, the scheduled time."""
    start: datetime | None = None
    """First time of a back-fill; None continues from where the stream is."""
    again: bool = False
    """Read also what is already done: a back-fill that looks for revisions."""


@dataclass(frozen=True)
class Done:
    """What the ledger knows to be complete in a stream, part by part."""

    cursors: Mapping[str, str] = field(default_factory=dict)
    """Cursor of the newest complete slice."""
    spans: Mapping[str, Sequence[Span]] = field(default_factory=dict)
    """Time spans covered by complete slices, sorted and disjoint."""


class Connector(ABC):
    """A source of long tables `unique_id, ds, y`.

    `check` looks at settings, and contacts the source only if asked to. A source of files or tables plans by their
    state (`Slice.cursor`); one that is queried by time spans derives from `Timed` (`series/timed.py`); one that sends
    by itself from `Pushing` (`series/pushing.py`).
    """

    needs: ClassVar[tuple[str, ...]] = ()
    """Packages beyond the core, named in the message if one is missing."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set in a pipeline's `options`."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def check(self, *, reach: bool = False) -> list[str]:
        """Problems with the settings and, with `reach`, with contacting the source; empty if all is well."""

    @abstractmethod
    def discover(self) -> list[SeriesInfo]:
        """Series that the settings name. Raises: SourceError for faults of the source"""

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        """What is known about series that were read; a source that is slow to discover answers without a look-up."""
        return [info for info in self.discover() if info.unique_id in names]

    @abstractmethod
    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Slices that are new or changed since, oldest first. Raises: SourceError for faults of the source"""

    @abstractmethod
    def read(self, piece: Slice) -> Iterator[pa.Table]:
        """Rows of a slice, in parts of bounded size, as `series.delivered.table` makes them.

        Raises: SourceError for faults of the source, ConfigError if it rejects the settings
        """
