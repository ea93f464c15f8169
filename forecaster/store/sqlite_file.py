"""Opens an SQLite file for reading and writing, or read-only if it cannot be written."""

import shutil
import sqlite3
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from forecaster.errors import DiskError

__all__ = ["engine_of"]

_BUSY_MS = 30_000
_AGAIN_S = 0.01
_RECYCLE_S = 60
"""Seconds for which a read-only connection is kept, after which the file may be writable again."""
_KIND = 0xFF
"""The lower byte of an error code; the rest has details."""
_DISK = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
_LEAST_ROOM = 1 << 20
"""Free bytes that SQLite needs to work."""


def engine_of(path: Path, standing_in: sa.MetaData | None = None) -> sa.Engine:
    """An engine for a file, which raises DiskError if the file cannot be written.

    `standing_in` are tables that the file may lack, wholly or in part; what is missing reads as empty.
    """
    engine = sa.create_engine(
        f"sqlite:///{path}", creator=partial(_connected, path, standing_in), pool_pre_ping=True, pool_recycle=_RECYCLE_S
    )
    sa.event.listen(engine, "handle_error", partial(_refuse_disk, path))
    return engine


def _connected(path: Path, standing_in: sa.MetaData | None) -> sqlite3.Connection:
    connection = _opened(path)
    if standing_in is not None:
        _stand_in(connection, standing_in)
    return connection


def _stand_in(connection: sqlite3.Connection, tables: sa.MetaData) -> None:
    """Create views in place of missing tables and tables with missing columns; these cannot be written then."""
    connection.execute("PRAGMA temp_store = MEMORY")
    for table in tables.sorted_tables:
        there = [f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table.name})")]
        empty = [f'NULL AS "{column.name}"' for column in table.columns if f'"{column.name}"' not in there]
        if empty:
            rows = f"FROM main.{table.name}" if there else "WHERE false"
            connection.execute(f"CREATE TEMP VIEW {table.name} AS SELECT {', '.join(there + empty)} {rows}")


def _opened(path: Path) -> sqlite3.Connection:
    """Open a file for reading and writing, or for reading only if it cannot be written.

    Even a reader needs to write files next to a database in WAL mode; if that is impossible, it is opened as immutable.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, check_same_thread=False)  # a pool lends it to one thread at a time
        connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        _write_ahead(connection)
        for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
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


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and one writer work side by side, from a file's first use on.

    Many who open a new file at once all switch its mode. SQLite does not wait here, as two who waited for each other's
    lock would do so forever; who is refused lets go of theirs and tries again.
    """
    until = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _KIND != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(_AGAIN_S)


def _refuse_disk(path: Path, context: sa.engine.ExceptionContext) -> None:
    """Turn a failed write into an explanation. Raises: DiskError"""
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
