"""The ledger: decisions with a life, in SQL. SQLite by default, PostgreSQL by URL.

Series, ingest slices, runs, anomaly events and their labels. Facts are in the lake; here is what was done with them.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from forecaster.addresses import masked, shown
from forecaster.errors import ConfigError, LedgerLost
from forecaster.series.source import Done, Slice
from forecaster.store import owners
from forecaster.store import slices as reading
from forecaster.store.database import connected, is_made
from forecaster.store.event_log import EventLog
from forecaster.store.leases import LEASE_WAIT_S, lease
from forecaster.store.queries import among, fetched, within
from forecaster.store.schema import events, labels, runs, series, slices

__all__ = ["Ledger", "Run"]

_WRITTEN = "In a password @ is written %40, : %3A and / %2F."


@dataclass(frozen=True)
class Ledger:
    """The ledger's tables at a database URL."""

    url: str = field(repr=False)
    engine: sa.Engine

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Connect, and create missing tables. Raises: ConfigError if that fails"""
        with _opening(url):
            return cls(url, connected(url))

    @staticmethod
    def answers(url: str) -> bool:
        """Whether it exists; if not, the first run creates it. Raises: ConfigError if it cannot be opened"""
        with _opening(url):
            return is_made(url)

    @property
    def events(self) -> EventLog:
        """Anomaly events and their labels."""
        return EventLog(self.engine)

    def find_series(
        self, *, stream: str | None = None, texts: Sequence[str] = (), limit: int | None = None
    ) -> pd.DataFrame:
        """Series of a stream, or whose name, unit or domain contains one of some texts; exact names come first."""
        named_first = [series.c.unique_id.not_in(texts)] if texts else []
        query = series.select().order_by(*named_first, series.c.unique_id).limit(limit)
        if stream is not None:
            query = query.where(series.c.stream == stream)
        if texts:
            searched = (series.c.unique_id, series.c.domain, series.c.unit)
            found = (column.icontains(text, autoescape=True) for text in texts for column in searched)
            query = query.where(sa.or_(*found))
        return fetched(self.engine, query)

    def unknown_series(self, names: Sequence[str]) -> list[str]:
        """Those of some names that no series has."""
        if not names:
            return []
        with self.engine.connect() as connection:
            known = set(connection.scalars(sa.select(series.c.unique_id).where(series.c.unique_id.in_(names))))
        return [name for name in names if name not in known]

    def count_series(self) -> int:
        """Number of series in all streams."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(series)).scalar_one()

    def units(self, stream: str) -> dict[str, str]:
        """Unit of each series of a stream; empty if unknown."""
        known = sa.select(series.c.unique_id, series.c.unit).where(series.c.stream == stream)
        with self.engine.connect() as connection:
            return {name: unit or "" for name, unit in connection.execute(known)}

    def claim(self, stream: str, names: Sequence[str], others: Collection[str]) -> dict[str, str]:
        """Take series for a stream, unless one of the others has them; gives the owner of each of those."""
        with self.engine.begin() as connection:
            return owners.claim(connection, stream, names, others)

    def licences(self, stream: str) -> list[str]:
        """Licences of the series of a stream."""
        said = sa.select(series.c.licence).where(series.c.stream == stream).distinct().order_by(series.c.licence)
        with self.engine.connect() as connection:
            return [licence for (licence,) in connection.execute(said) if licence]

    def find_slices(
        self,
        *,
        stream: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Slices of the sources begun in a time span, the newest first."""
        query = slices.select().order_by(slices.c.started_at.desc()).limit(limit)
        if stream is not None:
            query = query.where(slices.c.stream == stream)
        return fetched(self.engine, within(query, slices.c.started_at, since, until))

    def states(self, stream: str, part: str) -> list[tuple[str, int]]:
        """The states in which a part was read whole, the newest first: each one's slice, and how many rows it let in."""
        query = sa.select(slices).where(slices.c.stream == stream, slices.c.part == part, slices.c.start.is_(None))
        query = query.where(slices.c.status == "done").order_by(slices.c.finished_at.desc())
        with self.engine.connect() as connection:
            return [(row.slice_id, row.rows_in - row.rows_rejected) for row in connection.execute(query)]

    def refusing_slices(self, stream: str) -> list[str]:
        """Slices of a stream with rejected rows when they were last read."""
        query = sa.select(slices.c.slice_id).where(slices.c.stream == stream, slices.c.rows_rejected > 0)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def watermarks(self, stream: str | None = None) -> pd.DataFrame:
        """How far each part of the sources has been read, without a gap and in all."""
        with self.engine.connect() as connection:
            found = reading.watermarks(connection, stream)
        return pd.DataFrame(found, columns=reading.WATERMARK)

    def done(self, stream: str) -> Done:
        """What is complete of a stream, part by part."""
        with self.engine.begin() as connection:
            return reading.done(connection, stream)

    def begin_slice(self, stream: str, piece: Slice) -> None:
        """Record that a slice is being read (again)."""
        with self.engine.begin() as connection:
            reading.begin(connection, stream, piece)

    def add_to_slice(
        self, stream: str, piece: Slice, *, series: Sequence[Mapping[str, Any]] = (), **counts: int
    ) -> None:
        """Add stored rows of a push source to the counts of a slice."""
        with self.engine.begin() as connection:
            reading.add(connection, stream, piece, counts, _last(series))
            reading.describe(connection, series)

    def is_done(self, slice_id: str, since: datetime) -> bool:
        """Whether a slice was done since a time, by any run."""
        mine = sa.and_(slices.c.slice_id == slice_id, slices.c.status == "done", slices.c.finished_at >= since)
        with self.engine.connect() as connection:
            return connection.execute(sa.select(slices.c.slice_id).where(mine)).first() is not None

    def end_slice(self, slice_id: str, status: str, *, series: Sequence[Mapping[str, Any]] = (), **facts: Any) -> None:
        """Record a slice as `done`, with what is known about its series, or as `failed` with an error."""
        with self.engine.begin() as connection:
            reading.end(connection, slice_id, status, facts, _last(series))
            reading.describe(connection, series)

    @contextmanager
    def run(self, verb: str, pipeline: str, *, alone: bool = True) -> Iterator["Run"]:
        """A run that is recorded when it begins and when it ends, in whatever way. The caller holds the verb's lease,
        unless several runs of this kind may run at once: then it is not `alone`."""
        one = Run(self, uuid.uuid4().hex[:16])
        with self.engine.begin() as connection:
            left = runs.update().where(runs.c.verb == verb, runs.c.pipeline == pipeline, runs.c.status == "running")
            if alone:
                connection.execute(left.values(status="failed", facts={"error": "its process ended before it did"}))
            started = {"run_id": one.run_id, "verb": verb, "pipeline": pipeline, "status": "running"}
            connection.execute(runs.insert().values(**started, started_at=datetime.now(UTC)))
        try:
            yield one
        except BaseException as error:
            with suppress(LedgerLost):  # the next run of its kind says that this one ended
                one.note(
                    status="failed", finished_at=datetime.now(UTC), facts={**one.facts, "error": str(error)[:2000]}
                )
            raise
        one.note(status="done", finished_at=datetime.now(UTC), facts=one.facts)

    def find_runs(
        self,
        *,
        pipeline: str | None = None,
        verb: str | None = None,
        ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Runs begun in a time span, the newest first."""
        query = runs.select().order_by(runs.c.started_at.desc()).limit(limit)
        if ids is not None:
            query = query.where(among(runs.c.run_id, ids))
        for column, value in ((runs.c.pipeline, pipeline), (runs.c.verb, verb)):
            if value is not None:
                query = query.where(column == value)
        return fetched(self.engine, within(query, runs.c.started_at, since, until))

    def lease(self, name: str, wait_s: float = LEASE_WAIT_S) -> AbstractContextManager[Callable[[], None]]:
        """Only one holder at a time, across processes (`store/leases.py`); gives a function that renews it."""
        return lease(self.engine, name, wait_s)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table that people may query, whole."""
        return {table.name: fetched(self.engine, table.select()) for table in (series, slices, runs, events, labels)}


def _last(series: Sequence[Mapping[str, Any]]) -> datetime | None:
    """The last time of some series."""
    return max((row["last_ds"] for row in series if row.get("last_ds")), default=None)


@contextmanager
def _opening(url: str) -> Iterator[None]:
    """Turn errors on opening a database into an explanation. Raises: ConfigError"""
    try:
        yield
    except ValueError:  # of SQLAlchemy, which reads an address from its left; without it, for it quotes a part of that
        raise ConfigError(f"the ledger's address '{shown(url)}' has a port that is no number. {_WRITTEN}") from None
    except (SQLAlchemyError, OSError, ImportError) as error:
        said = masked(getattr(error, "orig", None) or error, url).rstrip(".?")
        hint = f" {_WRITTEN}" if url.count("@") > 1 else ""
        raise ConfigError(f"cannot open the ledger at '{shown(url)}': {said}.{hint}") from error


@dataclass
class Run:
    """A run in progress; its notes are kept whether it succeeds or not."""

    ledger: Ledger
    run_id: str

    def __post_init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def note(self, **values: Any) -> None:
        """Write columns of its row immediately."""
        with self.ledger.engine.begin() as connection:
            connection.execute(runs.update().where(runs.c.run_id == self.run_id).values(**values))
