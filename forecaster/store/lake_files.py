"""A read-only file system of the lake for DuckDB. It reads through delta-rs, the library that writes the lake.

So a lake in a bucket is read with the same settings as it is written with, such as the environment variables `AWS_...`, and
DuckDB needs no extension for it.
"""

import threading
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import duckdb
from deltalake.fs import DeltaStorageHandler
from fsspec import AbstractFileSystem

__all__ = ["register", "seen_as"]

_NEVER_CHANGED = datetime.fromtimestamp(0, UTC)
"""Time of change of all files, since each file of the lake is written only once."""


def seen_as(root: str) -> str:
    """The address under which DuckDB finds the root of a lake after `register`."""
    return root if "://" in root else f"lake://{root}"


def register(connection: duckdb.DuckDBPyConnection, root: str) -> None:
    """Let a connection read the files of a lake, at addresses that begin with `seen_as(root)`."""
    connection.register_filesystem(_LakeFiles(root))


class _LakeFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The methods that DuckDB calls. Raises: PermissionError for writing, and for a file outside the lake"""

    cachable = False

    def __init__(self, root: str) -> None:
        super().__init__()
        self._start = seen_as(root).rstrip("/") + "/"
        self.protocol = self._start.split("://")[0]
        self._root = root

    @cached_property
    def _store(self) -> DeltaStorageHandler:
        """Opened with the first file, since a lake that is still empty may have no folder."""
        return DeltaStorageHandler(self._root)

    def open(self, path: str, mode: str = "rb", **_: Any) -> "_File":
        if mode != "rb":
            raise PermissionError(f"'{path}' can only be read.")
        return _File(self._store.open_input_file(self._name(path)))

    def size(self, path: str) -> int:
        return int(self._store.get_file_info([self._name(path)])[0].size)

    def exists(self, path: str, **_: Any) -> bool:
        return path.startswith(self._start)

    def isdir(self, path: str) -> bool:
        return False

    def glob(self, path: str, **_: Any) -> list[str]:
        self._name(path)
        return [path]

    def modified(self, path: str) -> datetime:
        return _NEVER_CHANGED

    def _name(self, path: str) -> str:
        if not path.startswith(self._start) or ".." in path.split("/"):
            raise PermissionError(f"'{path}' is not in the lake.")
        return path.removeprefix(self._start)


class _File:
    """An open file. DuckDB's threads share it; each thread has a position of its own."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened
        self._lock = threading.Lock()
        self._own = threading.local()

    def seek(self, place: int) -> None:
        self._own.place = place

    def tell(self) -> int:
        return int(getattr(self._own, "place", 0))

    def read(self, count: int) -> bytes:
        with self._lock:
            self._opened.seek(self.tell())
            found: bytes = self._opened.read(count)
        self._own.place = self.tell() + len(found)
        return found

    def close(self) -> None:
        self._opened.close()
