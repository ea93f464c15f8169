"""A file of SQLite as it may be used: written and read, or where it cannot be written read as it is."""

import shutil
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from forecaster.errors import DiskError

__all__ = ["engine_of"]

_BUSY_MS = 30_000
_RECYCLE_S = 60
"""So long a connection is kept that may only read: then its file may be written again."""
_KIND = 0xFF
"""The rest of an error's code says more exactly why."""
_DISK = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN)
_LEAST_ROOM = 1 << 20
"""Bytes without which SQLite may not get on."""


def engine_of(path: Path, standing_in: sa.MetaData | None = None) -> sa.Engine:
    """Connections to a file, which raise DiskError where it cannot be written.

    `standing_in` are tables that the file may lack, or whose columns it may lack: they are read as if they were empty.
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
    """Views that hide tables which lack a column, or all of them; such a table then cannot be written."""
    connection.execute("PRAGMA temp_store = MEMORY")
    for table in tables.sorted_tables:
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
