"""Leases: locks by name with an expiry, across processes and machines, in the ledger's database."""

import logging
import os
import platform
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from forecaster.errors import ConfigError, LedgerLost
from forecaster.store.schema import leases

__all__ = ["LEASE_WAIT_S", "Busy", "lease"]

log = logging.getLogger(__name__)

LEASE_WAIT_S = 60.0
_LEASE_S = 600
_RENEWALS = 3
"""How often a lease is renewed in its lifetime, so that a busy database does not cost the lease."""
_SQLITE_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_POSTGRESQL_BUSY = ("40001", "40P01", "55P03")
"""Serialization failure, deadlock, lock not available."""


class Busy(ConfigError):
    """Another run holds the lease."""


@contextmanager
def lease(engine: sa.Engine, name: str, wait_s: float = LEASE_WAIT_S) -> Iterator[Callable[[], None]]:
    """Hold the lease of a name during a block. A dead holder's lease expires, in an SQLite ledger at once.

    Gives a function that renews the lease, and raises if it was lost; call it between pieces of work.

    Raises: Busy if another holder keeps it longer than `wait_s`; ConfigError for a ledger that cannot be written
    """
    owner, give_up = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex}", time.monotonic() + wait_s
    while not _take(engine, name, owner):
        if time.monotonic() > give_up:
            raise Busy(f"'{name}' is in use by another run. Wait for it, or run again in {_LEASE_S} s.")
        time.sleep(0.1)
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(engine, name, owner, over), name=f"lease {name}", daemon=True)
    keeper.start()
    try:
        yield lambda: _renew(engine, name, owner)
    finally:
        over.set()
        keeper.join()
        with suppress(LedgerLost), engine.begin() as connection:  # it expires anyway
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == owner))


def _take(engine: sa.Engine, name: str, owner: str) -> bool:
    """Whether the lease is the owner's now. Raises: ConfigError for a ledger that cannot be written"""
    now = datetime.now(UTC)
    until = now + timedelta(seconds=_LEASE_S)
    try:
        with engine.begin() as connection:
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.until < now))
            if engine.dialect.name == "sqlite":  # a ledger of one machine: killed holders can be detected
                _end_if_killed(connection, name)
            connection.execute(leases.insert().values(name=name, owner=owner, until=until))
    except IntegrityError:  # held by another
        return False
    except OperationalError as error:
        if not _is_busy(error):
            raise ConfigError(f"cannot write to the ledger at '{engine.url}': {error.orig}.") from error
        return False
    return True


def _end_if_killed(connection: sa.Connection, name: str) -> None:
    """End the lease of a holder on this machine that no longer exists."""
    holder = connection.execute(sa.select(leases.c.owner).where(leases.c.name == name)).scalar()
    if holder is not None and _is_dead(holder):
        connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == holder))


def _is_busy(error: OperationalError) -> bool:
    """Whether the database is busy with other writers, so that a retry makes sense."""
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode & 0xFF in _SQLITE_BUSY  # higher bits are details
    return getattr(error.orig, "sqlstate", None) in _POSTGRESQL_BUSY


def _keep(engine: sa.Engine, name: str, owner: str, over: threading.Event) -> None:
    """Renew a lease until its work is over; runs in a thread, so it stops when the process stops."""
    while not over.wait(_LEASE_S / _RENEWALS):
        try:
            _renew(engine, name, owner)
        except ConfigError as error:
            log.warning("%s", error)
            return
        except (SQLAlchemyError, LedgerLost) as error:
            log.warning("the lease on '%s' could not be renewed, trying again: %s", name, error)


def _renew(engine: sa.Engine, name: str, owner: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=_LEASE_S)
    with engine.begin() as connection:
        mine = leases.update().where(leases.c.name == name, leases.c.owner == owner)
        if not connection.execute(mine.values(until=until)).rowcount:
            raise ConfigError(f"the lease on '{name}' was lost: this run stood still for over {_LEASE_S} s. Run again.")


def _is_dead(owner: str) -> bool:
    """Whether a lease's holder was a process on this machine that no longer exists."""
    machine, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    if os.name != "posix" or machine != platform.node() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)  # signal 0 only checks that the process exists
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
