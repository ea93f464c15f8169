"""The ledger: decisions with a life, in SQL. SQLite by default, PostgreSQL by URL.

Series, ingest slices, runs, anomaly events and what is said of them. Facts are in the lake; here is what was done about them.
"""

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from forecaster.addresses import masked, shown
from forecaster.columns import EXPECTATION
from forecaster.errors import ConfigError, LedgerLost
from forecaster.series.source import Done, Slice
from forecaster.store import slices as reading
from forecaster.store.database import connected, is_made
from forecaster.store.leases import LEASE_WAIT_S, lease
from forecaster.store.schema import events, labels, runs, series, slices

__all__ = ["Ledger", "Run"]

_MOST_PARAMETERS = 10_000
"""SQLite takes from 32 766 on, as it was built, and PostgreSQL 65 535."""
_WRITTEN = "In a password @ is written %40, : %3A and / %2F."


@dataclass(frozen=True)
class Ledger:
    """The tables above at a database URL."""

    ITSELF = "forecaster"
    """Who says that a snooze is over."""

    url: str = field(repr=False)
    engine: sa.Engine

    @classmethod
    def open(cls, url: str) -> "Ledger":
        """Connect, and make the tables that are missing. Raises: ConfigError when that fails."""
        with _opening(url):
            return cls(url, connected(url))

    @staticmethod
    def answers(url: str) -> bool:
        """Whether it is there; False where the first run makes it. Raises: ConfigError where it cannot be opened"""
        with _opening(url):
            return is_made(url)

    def find_series(
        self, *, stream: str | None = None, texts: Sequence[str] = (), limit: int | None = None
    ) -> pd.DataFrame:
        """Series of a stream, or whose name, unit or domain holds one of some texts; those of just that name come first."""
        named_first = [series.c.unique_id.not_in(texts)] if texts else []
        query = series.select().order_by(*named_first, series.c.unique_id).limit(limit)
        if stream is not None:
            query = query.where(series.c.stream == stream)
        if texts:
            searched = (series.c.unique_id, series.c.domain, series.c.unit)
            found = (column.icontains(text, autoescape=True) for text in texts for column in searched)
            query = query.where(sa.or_(*found))
        return self._frame(query)

    def count_series(self) -> int:
        """Series of all streams."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(series)).scalar_one()

    def units(self, stream: str) -> dict[str, str]:
        """Unit of each series of a stream; empty where none is known."""
        known = sa.select(series.c.unique_id, series.c.unit).where(series.c.stream == stream)
        with self.engine.connect() as connection:
            return {name: unit or "" for name, unit in connection.execute(known)}

    def licences(self, stream: str) -> list[str]:
        """Terms under which the series of a stream are used."""
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
        """Slices of the sources that were begun in a span of time, the newest first."""
        query = slices.select().order_by(slices.c.started_at.desc()).limit(limit)
        if stream is not None:
            query = query.where(slices.c.stream == stream)
        return self._frame(_within(query, slices.c.started_at, since, until))

    def refusing_slices(self, stream: str) -> list[str]:
        """Slices of a stream of which rows were rejected when they were last read."""
        query = sa.select(slices.c.slice_id).where(slices.c.stream == stream, slices.c.rows_rejected > 0)
        with self.engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def watermarks(self, stream: str | None = None) -> pd.DataFrame:
        """How far each part of the sources has been read without a hole, and at all."""
        with self.engine.connect() as connection:
            found = reading.watermarks(connection, stream)
        return pd.DataFrame(found, columns=reading.WATERMARK)

    def done(self, stream: str) -> Done:
        """What is complete of a stream, part by part."""
        with self.engine.begin() as connection:
            return reading.done(connection, stream)

    def begin_slice(self, stream: str, piece: Slice) -> None:
        """A slice is being read (again)."""
        with self.engine.begin() as connection:
            reading.begin(connection, stream, piece)

    def add_to_slice(
        self, stream: str, piece: Slice, *, series: Sequence[Mapping[str, Any]] = (), **counts: int
    ) -> None:
        """Rows that came by themselves are stored: they count to a slice."""
        with self.engine.begin() as connection:
            reading.add(connection, stream, piece, counts, _last(series))
            reading.describe(connection, series)

    def is_done(self, slice_id: str, since: datetime) -> bool:
        """Was a slice done since a time, by whomever?"""
        mine = sa.and_(slices.c.slice_id == slice_id, slices.c.status == "done", slices.c.finished_at >= since)
        with self.engine.connect() as connection:
            return connection.execute(sa.select(slices.c.slice_id).where(mine)).first() is not None

    def end_slice(self, slice_id: str, status: str, *, series: Sequence[Mapping[str, Any]] = (), **facts: Any) -> None:
        """A slice is `done`, with what is known of its series, or `failed` with an error."""
        with self.engine.begin() as connection:
            reading.end(connection, slice_id, status, facts, _last(series))
            reading.describe(connection, series)

    @contextmanager
    def run(self, verb: str, pipeline: str, *, alone: bool = True) -> Iterator["Run"]:
        """A run that is written down when it begins, and again however it ends. The caller holds the verb's lease,
        unless others of its kind may run beside it: then it is not `alone`."""
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
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Runs that were begun in a span of time, the newest first."""
        query = runs.select().order_by(runs.c.started_at.desc()).limit(limit)
        for column, value in ((runs.c.pipeline, pipeline), (runs.c.verb, verb)):
            if value is not None:
                query = query.where(column == value)
        return self._frame(_within(query, runs.c.started_at, since, until))

    def put_events(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Record events; returns the ids of those that are new. A known one keeps its state and may grow.

        What is new and `to_tell` waits until people were told of it, or need not be.
        """
        fresh = []
        grows = ("end", "peak", "severity", "direction", "channels", *EXPECTATION, "is_open")
        with self.engine.begin() as connection:
            for row in rows:
                known = connection.execute(
                    events.update()
                    .where(events.c.event_id == row["event_id"])
                    .values(**{name: row[name] for name in grows if name in row})
                ).rowcount
                if not known:
                    connection.execute(events.insert().values(**row, state="open", first_seen_at=datetime.now(UTC)))
                    fresh.append(row["event_id"])
        return fresh

    def relate_events(self, column: Literal["parent_id", "incident_id"], of: Mapping[str, str]) -> None:
        """Say which event, or incident, some events are part of."""
        with self.engine.begin() as connection:
            for event_id, whole in of.items():
                connection.execute(events.update().where(events.c.event_id == event_id).values({column: whole}))

    def close_events(self, pipeline: str, but: Sequence[str]) -> None:
        """No event of a pipeline goes on but these."""
        with self.engine.begin() as connection:
            rows = sa.select(events.c.event_id).where(events.c.pipeline == pipeline, events.c.is_open)
            over = set(connection.execute(rows).scalars()) - set(but)
            connection.execute(events.update().where(_among(events.c.event_id, over)).values(is_open=False))

    def label(
        self,
        event_id: str,
        state: str,
        *,
        by: str,
        note: str = "",
        until: datetime | None = None,
        every: str | None = None,
    ) -> Mapping[str, Any]:
        """Set the state of an event, and write down who did, when and why; gives what was written.

        Raises: ConfigError for an event that is not there
        """
        said = {"event_id": event_id, "state": state, "at": datetime.now(UTC), "by": by, "note": note}
        said |= {"until": until, "every": every}
        with self.engine.begin() as connection:
            change = events.update().where(events.c.event_id == event_id)
            if not connection.execute(change.values(state=state, snoozed_until=until)).rowcount:
                raise ConfigError(f"no event '{event_id}'. Their ids are in: forecaster query anomalies")
            connection.execute(labels.insert().values(**said))
        return said

    def find_labels(
        self,
        *,
        series_ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """What was said of events in a span of time, by `as_of`, all of it, the newest first."""
        joined = labels.join(events, labels.c.event_id == events.c.event_id)
        query = sa.select(labels, events.c.unique_id).select_from(joined)
        query = query.order_by(labels.c.number.desc()).limit(limit)
        if series_ids is not None:
            query = query.where(_among(events.c.unique_id, series_ids))
        if as_of is not None:
            query = query.where(labels.c.at <= as_of)
        return self._frame(_within(query, labels.c.at, since, until))

    def wake(self, pipeline: str, now: datetime) -> None:
        """Events whose snooze is over are open again; of those that still go on people are to be told anew."""
        found = self.find_events(pipeline=pipeline, state="snoozed")
        over = found[found["snoozed_until"].map(lambda until: until <= now)] if len(found) else found
        again = over.loc[over["is_open"].fillna(False).astype(bool), "event_id"].tolist()
        self._say_of(again, to_tell=True, notified_at=None)  # first: an event that is open wakes no more
        for event_id in over["event_id"]:
            self.label(event_id, "open", by=self.ITSELF, note="its snooze is over")

    def mark_notified(self, event_ids: Sequence[str]) -> None:
        """People were told of these events."""
        self._say_of(event_ids, to_tell=False, notified_at=datetime.now(UTC))

    def need_not_tell(self, event_ids: Sequence[str]) -> None:
        """People need not be told of these events."""
        self._say_of(event_ids, to_tell=False)

    def _say_of(self, event_ids: Sequence[str], **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(events.update().where(_among(events.c.event_id, event_ids)).values(**values))

    def find_events(
        self,
        *,
        event_ids: Sequence[str] | None = None,
        series_ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        pipeline: str | None = None,
        to_tell: bool = False,
        state: str | None = None,
        incidents: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Events that lie in a span of time, the newest first; `to_tell` those only of which people are to be told."""
        query = events.select().order_by(events.c.start.desc(), events.c.event_id).limit(limit)
        if event_ids is not None:
            query = query.where(_among(events.c.event_id, event_ids))
        if series_ids is not None:
            query = query.where(_among(events.c.unique_id, series_ids))
        if pipeline is not None:
            query = query.where(events.c.pipeline == pipeline)
        if since is not None:
            query = query.where(events.c.end >= since)
        if until is not None:
            query = query.where(events.c.start < until)
        if as_of is not None:
            query = query.where(events.c.first_seen_at <= as_of)
        if state is not None:
            query = query.where(events.c.state == state)
        if incidents is not None:
            query = query.where(_among(sa.func.coalesce(events.c.incident_id, events.c.event_id), incidents))
        if to_tell:
            query = query.where(events.c.to_tell)
        return self._frame(query)

    def lease(self, name: str, wait_s: float = LEASE_WAIT_S) -> AbstractContextManager[Callable[[], None]]:
        """Only one holder at a time, across processes (`store/leases.py`); gives a function that renews it."""
        return lease(self.engine, name, wait_s)

    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table that people may query, whole."""
        return {table.name: self._frame(table.select()) for table in (series, slices, runs, events, labels)}

    def _frame(self, query: Any) -> pd.DataFrame:
        with self.engine.connect() as connection:
            result = connection.execute(query)
            return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def _within(
    query: sa.Select[Any], column: sa.Column[Any], since: datetime | None, until: datetime | None
) -> sa.Select[Any]:
    """Rows of a span of time: `since` is included, `until` is not."""
    query = query if since is None else query.where(column >= since)
    return query if until is None else query.where(column < until)


def _among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """Rows with one of some values, which are written into the SQL where they are more than a statement has parameters."""
    many = len(values) > _MOST_PARAMETERS
    return column.in_(sa.bindparam(None, sorted(values), expanding=True, literal_execute=many))


def _last(series: Sequence[Mapping[str, Any]]) -> datetime | None:
    """The last time of some series."""
    return max((row["last_ds"] for row in series if row.get("last_ds")), default=None)


@contextmanager
def _opening(url: str) -> Iterator[None]:
    """Raises: ConfigError that says why a database cannot be opened"""
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
    """A run in progress; what it notes is kept whether it ends well or not."""

    ledger: Ledger
    run_id: str

    def __post_init__(self) -> None:
        self.facts: dict[str, Any] = {}

    def note(self, **values: Any) -> None:
        """Write columns of its row at once."""
        with self.ledger.engine.begin() as connection:
            connection.execute(runs.update().where(runs.c.run_id == self.run_id).values(**values))
