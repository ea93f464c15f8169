"""Opens a database and creates the ledger's tables in it."""

import re
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from forecaster.addresses import masked, shown
from forecaster.errors import DiskError, LedgerLost
from forecaster.store import sqlite_file
from forecaster.store.schema import METADATA, series

__all__ = ["connected", "is_made"]

_SQLITE = "sqlite:///"


def connected(url: str) -> sa.Engine:
    """A database with all tables, creating missing ones. An SQLite file that cannot be written is opened read-only.

    Raises: SQLAlchemyError, OSError or ImportError; in later use DiskError if a file cannot be written, LedgerLost if
        the server is gone
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
    """Whether a database exists and has our tables; creates nothing. Raises: SQLAlchemyError, OSError or ImportError"""
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
        return sqlite_file.engine_of(_file(url), METADATA if as_it_is else None)
    return sa.create_engine(url, pool_pre_ping=True)


def _make_tables(engine: sa.Engine, attempts: int = 10) -> None:
    """Create missing tables; try again if another process creates them at the same time."""
    try:
        METADATA.create_all(engine)
        _add_columns(engine)
    except SQLAlchemyError as error:
        if not re.search("already exists|duplicate column", str(error)) or attempts == 0:
            raise
        _make_tables(engine, attempts - 1)


def _add_columns(engine: sa.Engine) -> None:
    """Add columns that a ledger of an earlier version lacks, empty."""
    known = sa.inspect(engine)
    for table in METADATA.sorted_tables:
        there = {column["name"] for column in known.get_columns(table.name)}
        for column in [column for column in table.columns if column.name not in there]:
            kind = column.type.compile(engine.dialect)
            with engine.begin() as connection:
                connection.execute(sa.text(f'ALTER TABLE {table.name} ADD COLUMN "{column.name}" {kind}'))


def _refuse_loss(url: str, context: sa.engine.ExceptionContext) -> None:
    """Turn a lost connection into an error. Raises: LedgerLost for a server that is gone, or a file that is gone"""
    said = masked(context.original_exception, url).rstrip(".")
    is_lost = context.is_disconnect or context.connection is None or said.startswith("no such table")
    if context.is_pre_ping or not is_lost:
        return
    raise LedgerLost(f"the ledger at '{shown(url)}' is lost: {said}. Run again when it answers.") from None
