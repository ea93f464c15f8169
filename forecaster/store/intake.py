"""Intake: slices of a source into the lake, each once, whatever is killed and whenever.

A slice is written to the ledger as begun, what is new in its rows is appended to the lake, and only then it is done. Killed
in between, the next run reads it again, and finds in the lake what landed. A value that was known already is not appended
again; a changed one is, as a revision.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from forecaster import columns
from forecaster.errors import ConfigError, DataError, ForecasterError, SourceError
from forecaster.series.source import Connector, Slice, Window
from forecaster.store.border import Sorted, join, let_in, without_twins
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.news import add_news, add_refused
from forecaster.store.slices import slice_id

__all__ = ["Taken", "pending", "take_in", "take_rows"]

log = logging.getLogger(__name__)

_SHOWN = "%Y-%m-%dT%H:%MZ"
_AT_ONCE = 500_000
"""Rows that are looked at together: what a slice needs of memory."""


@dataclass
class Taken:
    """What a slice brought."""

    rows_in: int = 0
    rows_new: int = 0
    rows_revised: int = 0
    rows_rejected: int = 0


def pending(ledger: Ledger, connector: Connector, stream: str, window: Window | None = None) -> list[Slice]:
    """Slices of a source that are new or changed since they were last done."""
    return connector.plan(window or Window(datetime.now(UTC)), ledger.done(stream))


def take_in(lake: Lake, ledger: Ledger, connector: Connector, stream: str, piece: Slice) -> Taken:
    """Read a slice and append what is new in it.

    Raises: SourceError, ConfigError or DataError that names the slice; the ledger then has it as failed, and the next
        run tries again
    """
    landing = _Landing(lake, stream, slice_id(stream, piece))
    ledger.begin_slice(stream, piece)
    try:
        for batch in _batches(let_in(part) for part in connector.read(piece)):
            landing.add(batch)
        ledger.end_slice(landing.slice_id, "done", series=landing.described(connector), **asdict(landing.taken))
    except Exception as error:
        kind = next((one for one in (SourceError, ConfigError) if isinstance(error, one)), DataError)
        said = f"{error}" if isinstance(error, ForecasterError) else f"{type(error).__name__}: {error}"
        message = f"{_named(connector, stream, piece)}: {said.rstrip('.')}. The next run asks for it again."
        ledger.end_slice(landing.slice_id, "failed", error=message[:2000], **asdict(landing.taken))
        raise kind(message) from error
    log.info("ingested stream=%s part=%s %s", stream, piece.part, asdict(landing.taken))
    return landing.taken


def take_rows(lake: Lake, ledger: Ledger, connector: Connector, stream: str, piece: Slice, rows: pa.Table) -> Taken:
    """Append what is new in rows that came by themselves, and add them to what the ledger counts for the slice."""
    landing = _Landing(lake, stream, slice_id(stream, piece))
    landing.add(let_in(rows))
    ledger.add_to_slice(stream, piece, series=landing.described(connector), **asdict(landing.taken))
    return landing.taken


class _Landing:
    """A slice on its way into the lake."""

    def __init__(self, lake: Lake, stream: str, slice_id: str) -> None:
        self.lake, self.stream, self.slice_id = lake, stream, slice_id
        self.taken = Taken()
        self._ends: list[pa.Table] = []

    def add(self, batch: Sorted) -> None:
        """Append what is news; what cannot be stored goes to the quarantine."""
        found = without_twins(batch)
        add_refused(self.lake, self.stream, self._signed(found.bad))
        added = add_news(self.lake, self.stream, self._signed(found.good), versioned=found.versioned)
        self.taken.rows_in += len(found.good) + len(found.bad)
        self.taken.rows_rejected += len(found.bad)
        self.taken.rows_new += added.new
        self.taken.rows_revised += added.revised
        if len(found.good):
            ends = found.good.group_by(columns.UNIQUE_ID).aggregate([(columns.DS, "min"), (columns.DS, "max")])
            self._ends.append(ends.rename_columns([columns.UNIQUE_ID, "first", "last"]))

    def described(self, connector: Connector) -> list[dict[str, Any]]:
        """The series of the slice: what the source says of them, and the times that came."""
        if not self._ends:
            return []
        ends = pa.concat_tables(self._ends).group_by(columns.UNIQUE_ID).aggregate([("first", "min"), ("last", "max")])
        names, first, last = (ends[name].to_pylist() for name in (columns.UNIQUE_ID, "first_min", "last_max"))
        infos, now = {info.unique_id: info for info in connector.describe(set(names))}, datetime.now(UTC)
        said = [vars(infos[name]) if name in infos else {columns.UNIQUE_ID: name} for name in names]
        seen = zip(said, first, last, strict=True)
        return [{**one, "stream": self.stream, "first_ds": a, "last_ds": b, "updated_at": now} for one, a, b in seen]

    def _signed(self, rows: pa.Table) -> pa.Table:
        """Rows that say which stream and slice brought them."""
        for name, text in (("stream", self.stream), ("slice_id", self.slice_id)):
            rows = rows.append_column(name, pa.repeat(pa.scalar(text), len(rows)))
        return rows


def _batches(parts: Iterable[Sorted]) -> Iterator[Sorted]:
    """Parts together, so that a source of small pages makes few files."""
    waiting: list[Sorted] = []
    for part in parts:
        waiting.append(part)
        if sum(len(one.good) for one in waiting) >= _AT_ONCE:
            yield join(waiting)
            waiting = []
    if waiting:
        yield join(waiting)


def _named(connector: Connector, stream: str, piece: Slice) -> str:
    """Which slice of which stream of which source."""
    source = type(connector).__module__.rpartition(".")[2]
    span = "" if piece.start is None or piece.end is None else f" from {piece.start:{_SHOWN}} to {piece.end:{_SHOWN}}"
    return f"stream '{stream}' (source {source}), slice '{piece.part}'{span}"
