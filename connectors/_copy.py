"""PostgreSQL's COPY as Arrow: rows go from the server's CSV to columns, and never become Python objects."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from forecaster import columns
from forecaster.errors import SourceError

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["copied"]

_BYTES_AT_ONCE = 8 << 20
_OURS = "SET TimeZone TO 'UTC'; SET DateStyle TO ISO; SET client_encoding TO 'UTF8'"
_TYPES: dict[int, pa.DataType] = {16: pa.bool_(), 1082: pa.date32(), 1114: pa.timestamp("us"), 1184: columns.TIME}
_TYPES |= dict.fromkeys((20, 21, 23), pa.int64()) | dict.fromkeys((700, 701, 1700), pa.float64())
"""By their numbers in pg_type; all others are text."""


def copied(connection: "sa.Connection", asked: "sa.Select[Any]") -> Iterator[pa.Table]:
    """Answer to a SELECT, a few hundred thousand rows at once. Needs a connection by psycopg 3."""
    names, kinds = _described(connection, asked)
    statement = asked.compile(connection)
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor:
        cursor.execute(_OURS)
        with cursor.copy(f"COPY ({statement}) TO STDOUT (FORMAT csv)", statement.params) as copy:
            sent = _Sent(copy)
            if sent.left:
                yield from _parsed(sent, names, kinds)


def _described(connection: "sa.Connection", asked: "sa.Select[Any]") -> tuple[list[str], list[pa.DataType]]:
    """Names and types of the columns."""
    cursor: Any = connection.execute(asked.limit(0)).cursor
    return [c.name for c in cursor.description], [_TYPES.get(c.type_code, pa.string()) for c in cursor.description]


def _parsed(sent: "_Sent", names: list[str], kinds: list[pa.DataType]) -> Iterator[pa.Table]:
    """CSV as tables, one for each block. Raises: SourceError for a value that is not of its column's type"""
    from pyarrow import csv

    how = csv.ConvertOptions(
        column_types=dict(zip(names, kinds, strict=True)), null_values=[""], true_values=["t"], false_values=["f"],
        strings_can_be_null=True, quoted_strings_can_be_null=False,
    )  # fmt: skip
    layout = csv.ReadOptions(column_names=names, block_size=_BYTES_AT_ONCE)
    try:
        for batch in csv.open_csv(sent, layout, csv.ParseOptions(newlines_in_values=True), how):
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        raise SourceError(f"sql, COPY: {error}. CAST that column in a 'query'.") from error


class _Sent(io.RawIOBase):
    """What COPY sends, as a file."""

    def __init__(self, copy: Any) -> None:
        self._copy = iter(copy)
        self.left = bytes(next(self._copy, b""))

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, length = [self.left], len(self.left)
        while (size < 0 or length < size) and (more := next(self._copy, b"")):
            parts.append(bytes(more))
            length += len(more)
        whole = b"".join(parts)
        size = length if size < 0 else size
        given, self.left = whole[:size], whole[size:]
        return given
