"""Intake: appends slices of a source to the lake, each exactly once, even if the process is killed.

A slice is recorded in the ledger as begun, its new rows are appended to the lake, and only then is it recorded as done.
If the process is killed in between, the next run reads the slice again and finds in the lake what has landed. A known
value is not appended again; a changed one is, as a revision.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forecaster import columns
from forecaster.errors import ConfigError, DataError, DiskError, ForecasterError, SourceError
from forecaster.series.contract import Contract
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window
from forecaster.store.border import Sorted, held_to_contract, join, let_in, without_twins
from forecaster.store.found_steps import found_steps
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.news import add_news, add_refused
from forecaster.store.owners import taken_names
from forecaster.store.slices import slice_id
from forecaster.store.vanished import vanished
from forecaster.store.waiting import all_or_none

__all__ = ["Intake", "RowCounts"]

log = logging.getLogger(__name__)

_SHOWN = "%Y-%m-%dT%H:%MZ"
_AT_ONCE = 500_000
"""Rows handled at a time, which bounds the memory for a slice."""


@dataclass
class RowCounts:
    """Counts of the rows of a slice."""

    rows_in: int = 0
    rows_new: int = 0
    rows_revised: int = 0
    rows_rejected: int = 0
    refused: str = ""
    """The reason for the first refused row, and its text."""
    gone: int = 0
    """Stored rows that the part no longer has, though it has earlier and later ones; told where it has fewer than before."""

    @property
    def rows(self) -> dict[str, Any]:
        """The counts, as columns of the ledger."""
        return {name: count for name, count in vars(self).items() if name.startswith("rows_")}

    def add(self, other: "RowCounts") -> None:
        """Add another's counts."""
        for name, count in other.rows.items():
            setattr(self, name, getattr(self, name) + count)
        self.refused = self.refused or other.refused
        self.gone += other.gone


@dataclass(frozen=True)
class Intake:
    """Takes the rows of a source into lake and ledger, as one stream."""

    lake: Lake
    ledger: Ledger
    connector: Connector
    stream: str
    contract: Contract | None = None
    prefix: str = ""
    """Comes before the source's names of series."""
    others: frozenset[str] = frozenset()
    """Streams whose series are not touched."""

    def pending(self, window: Window | None = None) -> list[Slice]:
        """Slices that are new or have changed since they were done; in a window with `again`, all of them."""
        window = window or Window(datetime.now(UTC))
        return self.connector.plan(window, Done() if window.again else self.ledger.done(self.stream))

    def take_in(self, piece: Slice) -> RowCounts:
        """Read a slice and append its new rows.

        Raises: SourceError, ConfigError or DataError that names the slice; the ledger then has it as failed, and the
            next run tries again
        """
        landing = _Landing(self, piece)
        before = self.ledger.states(self.stream, piece.part) if piece.start is None else []
        self.ledger.begin_slice(self.stream, piece)
        try:
            judged = (landing.judged(batch) for batch in _batches(map(self._let_in, self.connector.read(piece))))
            freezes = self.contract is not None and self.contract.mode == "freeze"
            for found in all_or_none(judged) if freezes else judged:
                landing.add(found)
            landing.counts.gone = landing.gone(before)
            self.ledger.end_slice(landing.slice_id, "done", series=landing.described(), **landing.counts.rows)
        except Exception as error:
            failure = self._failure(error, piece, "The next run asks for it again.")
            self.ledger.end_slice(landing.slice_id, "failed", error=str(failure)[:2000], **landing.counts.rows)
            raise failure from error
        log.info("ingested stream=%s part=%s %s", self.stream, piece.part, landing.counts.rows)
        return landing.counts

    def take_rows(self, piece: Slice, rows: pa.Table) -> RowCounts:
        """Append the new ones of rows that a push source sent, and add them to the ledger's counts for the slice.

        Raises: DataError if the contract refuses them; they must not be acknowledged then
        """
        landing = _Landing(self, piece)
        try:
            landing.add(landing.judged(self._let_in(rows)))
        except ForecasterError as error:
            raise self._failure(error, piece, "It is not acknowledged, and comes again.") from error
        self.ledger.add_to_slice(self.stream, piece, series=landing.described(), **landing.counts.rows)
        return landing.counts

    def _let_in(self, part: pa.Table) -> Sorted:
        """Check a part of a slice, its series called as in the lake."""
        if self.prefix:
            place = part.column_names.index(columns.UNIQUE_ID)
            names = pc.binary_join_element_wise(self.prefix, part[columns.UNIQUE_ID].cast(pa.string()), "")
            part = part.set_column(place, columns.UNIQUE_ID, names)
        return let_in(part)

    def described(self, names: Iterable[str]) -> list[SeriesInfo]:
        """What the source says about series, by their names in the lake."""
        found = self.connector.describe({name.removeprefix(self.prefix) for name in names})
        return [replace(info, unique_id=self.prefix + info.unique_id) for info in found] if self.prefix else found

    def _failure(self, error: Exception, piece: Slice, then: str) -> ForecasterError:
        """The error with the name of the slice, and what happens next."""
        kind = next((one for one in (SourceError, DiskError, ConfigError) if isinstance(error, one)), DataError)
        said = f"{error}" if isinstance(error, ForecasterError) else f"{type(error).__name__}: {error}"
        return kind(f"{self._named(piece)}: {said.rstrip('.')}. {then}")

    def _named(self, piece: Slice) -> str:
        """The names of stream, source and slice, for messages."""
        source = type(self.connector).__module__.rpartition(".")[2]
        span = ""
        if piece.start is not None and piece.end is not None:
            span = f" from {piece.start:{_SHOWN}} to {piece.end:{_SHOWN}}"
        return f"stream '{self.stream}' (source {source}), slice '{piece.part}'{span}"


class _Landing:
    """A slice being taken into the lake."""

    def __init__(self, intake: Intake, piece: Slice) -> None:
        self.lake, self.stream, self.contract = intake.lake, intake.stream, intake.contract
        self.slice_id = slice_id(intake.stream, piece)
        self.counts = RowCounts()
        self._intake = intake
        self._infos: dict[str, SeriesInfo | None] = {}
        self._owned: set[str] = set()
        self._units = {} if self.contract is None else intake.ledger.units(self.stream)
        self._ends: list[pa.Table] = []
        self._steps: dict[str, str] = {}

    def judged(self, batch: Sorted) -> Sorted:
        """Check rows against the contract, without duplicates. Raises: DataError in mode `freeze` if a row breaks it"""
        self._look_up(pc.unique(batch.good[columns.UNIQUE_ID]).to_pylist())
        if self.contract is not None:
            batch = held_to_contract(batch, self.contract, self._changed_units(self.contract))
        return without_twins(batch, self.contract)

    def add(self, found: Sorted) -> None:
        """Append new rows; refused rows go to the quarantine. Raises: ConfigError if a series is another pipeline's"""
        self._claim(pc.unique(found.good[columns.UNIQUE_ID]).to_pylist())
        add_refused(self.lake, self.stream, self._signed(found.bad))
        added = add_news(self.lake, self.stream, self._signed(found.good), versioned=found.versioned)
        self.counts.rows_in += len(found.good) + len(found.bad)
        self.counts.rows_rejected += len(found.bad)
        if len(found.bad) and not self.counts.refused:
            first = found.bad.slice(0, 1).to_pylist()[0]
            self.counts.refused = f"{first['reason']}: {first['raw']}"
        self.counts.rows_new += added.new
        self.counts.rows_revised += added.revised
        if len(found.good):
            ends = found.good.group_by(columns.UNIQUE_ID).aggregate([(columns.DS, "min"), (columns.DS, "max")])
            self._ends.append(ends.rename_columns([columns.UNIQUE_ID, "first", "last"]))
            unsaid = [name for name, info in self._infos.items() if info is not None and not info.step]
            self._steps |= found_steps(found.good, unsaid) if unsaid else {}

    def described(self) -> list[dict[str, Any]]:
        """The series of the slice: what the source says about them, and their first and last times."""
        if not self._ends:
            return []
        ends = self._spans()
        names, first, last = (ends[name].to_pylist() for name in (columns.UNIQUE_ID, "first", "last"))
        now = datetime.now(UTC)
        said = [self._said(name) for name in names]
        seen = zip(names, said, first, last, strict=True)
        return [
            {columns.UNIQUE_ID: name, **one, "stream": self.stream, "first_ds": a, "last_ds": b, "updated_at": now}
            for name, one, a, b in seen
        ]

    def gone(self, before: list[tuple[str, int]]) -> int:
        """How many stored rows of a part, read in these states before, it no longer has between others.

        The lake is asked only if more rows went than came since the newest of these states.
        """
        there = self.counts.rows_in - self.counts.rows_rejected
        if not before or not self._ends or before[0][1] + self.counts.rows_new <= there:
            return 0
        slices = [self.slice_id, *(name for name, _ in before)]
        # Refused rows are in the part as well: what was stored of them before has not gone.
        return vanished(self.lake, slices, self._spans(), self.counts.rows_in)

    def _spans(self) -> pa.Table:
        """The first and the last time of each series of the slice."""
        ends = pa.concat_tables(self._ends).group_by(columns.UNIQUE_ID).aggregate([("first", "min"), ("last", "max")])
        return ends.rename_columns([columns.UNIQUE_ID, "first", "last"])

    def _said(self, name: str) -> dict[str, Any]:
        """What the source says about a series, with the step found from its rows if the source gives none."""
        info = self._infos.get(name)
        return {} if info is None else {**vars(info), "step": info.step or self._steps.get(name, "")}

    def _look_up(self, names: list[str]) -> None:
        """Ask the source about series that are new in this slice."""
        fresh = {name for name in names if name not in self._infos}
        if fresh:
            self._infos |= {**dict.fromkeys(fresh), **{one.unique_id: one for one in self._intake.described(fresh)}}

    def _claim(self, names: list[str]) -> None:
        """Take series that are new in this slice for its stream, before their rows land."""
        fresh = [name for name in names if name not in self._owned]
        owners = self._intake.ledger.claim(self.stream, fresh, self._intake.others) if fresh else {}
        if owners:
            raise ConfigError(taken_names(self.stream, owners))
        self._owned |= set(fresh)

    def _changed_units(self, contract: Contract) -> dict[str, str]:
        """Series whose unit differs from the contract's or has changed, with the reason."""
        if contract.mode == "coerce":
            return {}
        found = {}
        for name, info in self._infos.items():
            expected, now = contract.unit or self._units.get(name) or "", info.unit if info else ""
            if expected and now and now != expected:
                found[name] = f"unit is now '{now}', expected '{expected}'"
        return found

    def _signed(self, rows: pa.Table) -> pa.Table:
        """Rows with the columns that name their stream and slice."""
        for name, text in (("stream", self.stream), ("slice_id", self.slice_id)):
            rows = rows.append_column(name, pa.repeat(pa.scalar(text), len(rows)))
        return rows


def _batches(parts: Iterable[Sorted]) -> Iterator[Sorted]:
    """Join small parts, so that a source with small pages makes few files."""
    waiting: list[Sorted] = []
    rows = 0
    for part in parts:
        waiting.append(part)
        rows += len(part.good) + len(part.bad)
        if rows >= _AT_ONCE:
            yield join(waiting)
            waiting, rows = [], 0
    if waiting:
        yield join(waiting)
