"""Which runs use a training's folder, by locks that the operating system holds: a killed run uses nothing.

Machines that share the folder see each other where its file system has locks (`flock`); where it has none, each run
goes on as if it were the only one.
"""

import os
import platform
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from forecaster.errors import ConfigError

__all__ = ["Use", "delete_unused", "turn", "using"]

_USE, _TURN, _DELETED = "in_use", "turn", ".forecaster-deleted"
_PASSING_S = 2.0
"""Runs that are refused wait so long, in case the other one is just leaving."""


class Use:
    """A folder in use."""

    def __init__(self, lock: IO[str]) -> None:
        self._lock = lock

    def last(self) -> bool:
        """Whether no other run uses the folder, to be asked on leaving: if so, none begins to before this one has left."""
        return _locked(self._lock, alone=True)


@contextmanager
def using(folder: Path, *, alone: bool) -> Iterator[Use]:
    """Use a folder, which is made if need be, during a block: beside other runs, or as the only one.

    Raises: ConfigError if another run uses it and one of the two wants to be alone, or it cannot be written
    """
    until = time.monotonic() + _PASSING_S
    while (lock := _entered(folder, alone)) is None:
        if time.monotonic() > until:
            raise ConfigError(
                f"another run{_holder(folder)} trains in '{folder}'. Wait for its end, or use another folder."
            )
        time.sleep(0.05)
    with lock:
        yield Use(lock)


def _entered(folder: Path, alone: bool) -> IO[str] | None:
    """The lock on a folder; None if others prevent that."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _USE).open("a")
    except FileNotFoundError:  # deleted in between
        return None
    except OSError as error:
        raise ConfigError(f"cannot write to '{folder}': {error.strerror or error}.") from error
    if _locked(lock, alone=alone) and _is_there(lock, folder):
        lock.truncate(0)
        lock.write(f" (process {os.getpid()} on {platform.node()})")
        lock.flush()
        return lock
    lock.close()
    return None


def _is_there(lock: IO[str], folder: Path) -> bool:
    """Whether a lock that was opened is still that of the folder, which another run may have deleted meanwhile."""
    try:
        return os.path.samestat(os.fstat(lock.fileno()), (folder / _USE).stat())
    except OSError:
        return False


def _holder(folder: Path) -> str:
    try:
        return (folder / _USE).read_text()
    except OSError:
        return ""


@contextmanager
def turn(folder: Path) -> Iterator[None]:
    """One run after the other in a block, for what several that use a folder must not do at the same time."""
    with (folder / _TURN).open("a") as lock:
        _locked(lock, alone=True, wait=True)
        yield


def delete_unused(folder: Path) -> bool:
    """Delete a folder unless a run uses it: at once under its name, so that nobody finds half of it."""
    gone = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}{_DELETED}")
    try:
        with (folder / _USE).open("a") as lock:
            if not (_locked(lock, alone=True) and _is_there(lock, folder)):
                return False
            folder.rename(gone)
    except OSError:
        return False
    for left in folder.parent.glob(f".*{_DELETED}"):  # also what a killed run has left
        shutil.rmtree(left, ignore_errors=True)
    return True


def _locked(lock: IO[str], *, alone: bool, wait: bool = False) -> bool:
    """Whether the lock could be had; true where there are no locks."""
    try:
        import fcntl
    except ImportError:
        return True
    how = (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB)
    try:
        fcntl.flock(lock, how)
    except BlockingIOError:
        return False
    except OSError:  # this file system has no locks
        return True
    return True
