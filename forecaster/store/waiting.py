"""Buffers the batches of a slice in a file until all are complete."""

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import IO

import pyarrow as pa

from forecaster.store.border import Sorted

__all__ = ["all_or_none"]


def all_or_none(batches: Iterable[Sorted]) -> Iterator[Sorted]:
    """The same batches, but only after all could be made, in the memory of two; a single batch is not buffered."""
    rest = iter(batches)
    begun = list(islice(rest, 2))
    if len(begun) < 2:
        yield from begun
        return
    with tempfile.TemporaryFile() as file:
        kept = [_write(file, one) for one in chain(begun, rest)]
        file.seek(0)
        for versioned in kept:
            yield Sorted(_read(file), _read(file), versioned)


def _write(file: IO[bytes], one: Sorted) -> bool:
    for rows in (one.good, one.bad):
        with pa.ipc.new_stream(file, rows.schema) as writer:
            writer.write_table(rows)
    return one.versioned


def _read(file: IO[bytes]) -> pa.Table:
    with pa.ipc.open_stream(file) as reader:
        return reader.read_all()
