"""Leases: one holder of a name at a time, across processes and machines, in the ledger's database."""

import os
import platform
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError

from forecaster.errors import ConfigError
from forecaster.store.schema import leases

__all__ = ["LEASE_WAIT_S", "Busy", "lease"]

LEASE_WAIT_S = 60.0
_LEASE_S = 600


class Busy(ConfigError):
    """Another run holds the lease."""


@contextmanager
def lease(engine: sa.Engine, name: str, wait_s: float = LEASE_WAIT_S) -> Iterator[Callable[[], None]]:
    """The lease of a name; a dead holder's lease ends by itself, in a SQLite ledger at once.

    Gives a function that renews the lease: call it between pieces of work.

    Raises: Busy when another holder keeps it longer than `wait_s`
    """
    owner, give_up = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex}", time.monotonic() + wait_s
    while not _take(engine, name, owner):
        if time.monotonic() > give_up:
            raise Busy(f"'{name}' is in use by another run. Wait for it, or run again in {_LEASE_S} s.")
        time.sleep(0.1)
    try:
        yield lambda: _renew(engine, name, owner)
    finally:
        with engine.begin() as connection:
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == owner))


def _take(engine: sa.Engine, name: str, owner: str) -> bool:
    now = datetime.now(UTC)
    until = now + timedelta(seconds=_LEASE_S)
    try:
        with engine.begin() as connection:
            connection.execute(leases.delete().where(leases.c.name == name, leases.c.until < now))
            if engine.dialect.name == "sqlite":  # a ledger of one machine: who was killed holds nothing
                holder = connection.execute(sa.select(leases.c.owner).where(leases.c.name == name)).scalar()
                if holder is not None and _is_dead(holder):
                    connection.execute(leases.delete().where(leases.c.name == name, leases.c.owner == holder))
            connection.execute(leases.insert().values(name=name, owner=owner, until=until))
    except (IntegrityError, OperationalError):  # held by another, or SQLite is busy
        return False
    return True


def _renew(engine: sa.Engine, name: str, owner: str) -> None:
    until = datetime.now(UTC) + timedelta(seconds=_LEASE_S)
    with engine.begin() as connection:
        mine = leases.update().where(leases.c.name == name, leases.c.owner == owner)
        if not connection.execute(mine.values(until=until)).rowcount:
            raise ConfigError(f"the lease on '{name}' was lost: this run stood still for over {_LEASE_S} s. Run again.")


def _is_dead(owner: str) -> bool:
    """Was a lease's holder a process of this machine that is no more?"""
    machine, _, rest = owner.partition(":")
    process = rest.partition(":")[0]
    if os.name != "posix" or machine != platform.node() or not process.isdigit():
        return False
    try:
        os.kill(int(process), 0)  # asks, sends nothing
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
