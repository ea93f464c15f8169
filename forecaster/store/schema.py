"""Tables of the ledger, and a database that has them."""

import re
import shutil
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from forecaster.addresses import masked, shown
from forecaster.errors import DiskError, LedgerLost

__all__ = ["connected", "coverage", "events", "is_made", "labels", "leases", "runs", "series", "slices"]

_METADATA = sa.MetaData()
_SQLITE = "sqlite:///"
_BUSY_MS = 30_000
_RECYCLE_S = 60
"""So long a connection is kept that may only read: then its file may be written again."""
_KIND = 0xFF
"""The rest of an error's code says more exactly why."""
_DISK = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
_LEAST_ROOM = 1 << 20
"""Bytes without which SQLite may not get on."""


class Time(sa.TypeDecorator[datetime]):
    """UTC times: SQLite keeps none of the zone, so it is put back."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


series = sa.Table(
    "series",
    _METADATA,
    sa.Column("unique_id", sa.String, primary_key=True),
    sa.Column("stream", sa.String, index=True),
    sa.Column("domain", sa.String),
    sa.Column("entity", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("unit", sa.String),
    sa.Column("step", sa.String),
    sa.Column("timezone", sa.String),
    sa.Column("calendar", sa.String),
    sa.Column("licence", sa.String),
    sa.Column("tags", sa.JSON),
    sa.Column("first_ds", Time),
    sa.Column("last_ds", Time),
    sa.Column("updated_at", Time),
)
slices = sa.Table(
    "slices",
    _METADATA,
    sa.Column("slice_id", sa.String, primary_key=True),
    sa.Column("stream", sa.String, index=True),
    sa.Column("part", sa.String),
    sa.Column("start", Time),
    sa.Column("end", Time),
    sa.Column("cursor", sa.String),
    sa.Column("status", sa.String),
    sa.Column("attempt", sa.Integer),
    sa.Column("rows_in", sa.Integer),
    sa.Column("rows_new", sa.Integer),
    sa.Column("rows_revised", sa.Integer),
    sa.Column("rows_rejected", sa.Integer),
    sa.Column("error", sa.String),
    sa.Column("started_at", Time),
    sa.Column("finished_at", Time),
)
coverage = sa.Table(
    "coverage",
    _METADATA,
    sa.Column("stream", sa.String, primary_key=True),
    sa.Column("part", sa.String, primary_key=True),
    sa.Column("cursor", sa.String),
    sa.Column("spans", sa.JSON),
    sa.Column("last_ds", Time),
    sa.Column("updated_at", Time),
)
runs = sa.Table(
    "runs",
    _METADATA,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("verb", sa.String, index=True),
    sa.Column("pipeline", sa.String, index=True),
    sa.Column("status", sa.String),
    sa.Column("model", sa.String),
    sa.Column("model_version", sa.String),
    sa.Column("tracking_id", sa.String),
    sa.Column("as_of", Time),
    sa.Column("lake_version", sa.Integer),
    sa.Column("facts", sa.JSON),
    sa.Column("started_at", Time),
    sa.Column("finished_at", Time),
)
events = sa.Table(
    "events",
    _METADATA,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("unique_id", sa.String, index=True),
    sa.Column("pipeline", sa.String, index=True),
    sa.Column("start", Time, index=True),
    sa.Column("peak", Time),
    sa.Column("end", Time),
    sa.Column("severity", sa.Float),
    sa.Column("direction", sa.String),
    sa.Column("channels", sa.String),
    sa.Column("state", sa.String),
    sa.Column("parent_id", sa.String),
    sa.Column("model", sa.String),
    sa.Column("model_version", sa.String),
    sa.Column("run_id", sa.String),
    sa.Column("first_seen_at", Time),
    sa.Column("to_tell", sa.Boolean),
    sa.Column("notified_at", Time),
    sa.Column("expected", sa.Float),
    sa.Column("lower", sa.Float),
    sa.Column("upper", sa.Float),
    sa.Column("is_open", sa.Boolean),
    sa.Column("snoozed_until", Time),
    sa.Column("incident_id", sa.String, index=True),
)
labels = sa.Table(
    "labels",
    _METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("event_id", sa.String, index=True),
    sa.Column("state", sa.String),
    sa.Column("at", Time),
    sa.Column("by", sa.String),
    sa.Column("note", sa.String),
    sa.Column("until", Time),
    sa.Column("every", sa.String),
)
leases = sa.Table(
    "leases",
    _METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("owner", sa.String),
    sa.Column("until", Time),
)


def connected(url: str) -> sa.Engine:
    """A database with all tables; those that are missing are made. A file of SQLite that cannot be written is opened read-only.

    Raises: SQLAlchemyError, OSError or ImportError; from then on DiskError where a file cannot be written, LedgerLost where its
        server is gone
    """
    if url.startswith(_SQLITE):
        _file(url).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    try:
        _make_tables(engine)
    except DiskError:
        if not _file(url).is_file():
            raise
        engine = _engine(url, as_it_is=True)
    sa.event.listen(engine, "handle_error", partial(_refuse_loss, url))
    return engine


def is_made(url: str) -> bool:
    """Whether a database is there, with tables of ours; nothing is made. Raises: SQLAlchemyError, OSError or ImportError"""
    if url.startswith(_SQLITE) and not _file(url).exists():
        return False
    engine = _engine(url)
    try:
        return sa.inspect(engine).has_table(series.name)
    finally:
        engine.dispose()


def _file(url: str) -> Path:
    return Path(url.removeprefix(_SQLITE))


def _engine(url: str, *, as_it_is: bool = False) -> sa.Engine:
    if url.startswith(_SQLITE):
        path = _file(url)
        engine = sa.create_engine(
            url, creator=partial(_sqlite, path, as_it_is=as_it_is), pool_pre_ping=True, pool_recycle=_RECYCLE_S
        )
        sa.event.listen(engine, "handle_error", partial(_refuse_disk, path))
        return engine
    return sa.create_engine(url, pool_pre_ping=True)


def _make_tables(engine: sa.Engine, attempts: int = 10) -> None:
    """Make those that are missing; another process that makes them too gets on by one each time we meet."""
    try:
        _METADATA.create_all(engine)
        _add_columns(engine)
    except SQLAlchemyError as error:
        if not re.search("already exists|duplicate column", str(error)) or attempts == 0:
            raise
        _make_tables(engine, attempts - 1)


def _add_columns(engine: sa.Engine) -> None:
    """Columns that a ledger of an earlier version lacks, empty."""
    known = sa.inspect(engine)
    for table in _METADATA.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in [column for column in table.columns if column.name not in there]:
            kind = column.type.compile(engine.dialect)
            with engine.begin() as connection:
                connection.execute(sa.text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'))


def _sqlite(path: Path, *, as_it_is: bool) -> sqlite3.Connection:
    """A file as it may be used; `as_it_is`, where it cannot be brought up to date, with what it lacks as if it were empty."""
    connection = _opened(path)
    if as_it_is:
        _stand_in(connection)
    return connection


def _stand_in(connection: sqlite3.Connection) -> None:
    """Views that hide tables which lack a column, or all of them; such a table then cannot be written."""
    connection.execute("PRAGMA temp_store = MEMORY")
    for table in _METADATA.sorted_tables:
        there = [f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table.name})")]
        empty = [f'NULL AS "{column.name}"' for column in table.columns if f'"{column.name}"' not in there]
        if empty:
            rows = f"FROM main.{table.name}" if there else "WHERE false"
            connection.execute(f"CREATE TEMP VIEW {table.name} AS SELECT {', '.join(there + empty)} {rows}")


def _opened(path: Path) -> sqlite3.Connection:
    """A file, to be written and read, or where it cannot be written to be read.

    A reader, too, writes beside a file that others may write; one that nothing was added to since is read without that.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, check_same_thread=False)  # a pool lends it to one thread at a time
        # Readers and one writer side by side; a busy database is waited for.
        for pragma in (f"busy_timeout = {_BUSY_MS}", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return connection
    except sqlite3.OperationalError as error:
        if connection is not None:
            connection.close()
        if error.sqlite_errorcode & _KIND not in _DISK or not path.is_file():
            raise
        log = path.with_name(path.name + "-wal")
        way = "mode=ro" if log.exists() and log.stat().st_size else "immutable=1"
        with suppress(sqlite3.OperationalError):
            connection = sqlite3.connect(f"file:{quote(str(path))}?{way}", uri=True, check_same_thread=False)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection
        raise


def _refuse_loss(url: str, context: sa.engine.ExceptionContext) -> None:
    """Raises: LedgerLost for a server that went away or takes no connection any more, and for a file that is gone"""
    said = masked(context.original_exception, url).rstrip(".")
    is_lost = context.is_disconnect or context.connection is None or said.startswith("no such table")
    if context.is_pre_ping or not is_lost:
        return
    raise LedgerLost(f"the ledger at '{shown(url)}' is lost: {said}. Run again when it answers.") from None


def _refuse_disk(path: Path, context: sa.engine.ExceptionContext) -> None:
    """Raises: DiskError for what is to be written to a file that cannot be"""
    error = context.original_exception
    if not isinstance(error, sqlite3.OperationalError):
        return
    if "because it is a view" in str(error):
        raise DiskError(
            f"cannot write to the ledger at '{path}': it is of an earlier version and may only be read."
        ) from error
    if error.sqlite_errorcode & _KIND in _DISK:
        is_full = shutil.disk_usage(path.parent).free < _LEAST_ROOM
        why = "no space left on its disk" if is_full else f"{error}; may its folder be written?"
        raise DiskError(f"cannot write to the ledger at '{path}': {why}") from error
