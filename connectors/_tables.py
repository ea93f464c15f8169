"""Tables in files as Arrow, a bounded part at once: Parquet with its types, CSV as text that becomes numbers where it can."""

import csv
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError
from forecaster.series.csv_file import MISSING, grouped
from forecaster.series.instants import instants

__all__ = ["BrokenLine", "Dialect", "numbers", "parts", "times"]

_ROWS_AT_ONCE = 250_000
_BYTES_AT_ONCE = 8 << 20
_SEPARATORS = {";": ";", "\t": "\\t", "|": "|", ",": ","}
"""And how TOML writes them."""
_NUMBER = re.compile(r"\s*-?\d+(\.\d*)?\s*")
_BROKEN = (pa.ArrowException, UnicodeDecodeError, EOFError, zlib.error, OSError)


@dataclass(frozen=True)
class Dialect:
    """How CSV texts are written; Parquet has its own types."""

    separator: str = ","
    quote: str = '"'
    decimal: str = "."
    thousands: str = ""
    encoding: str = "utf-8"
    skip_lines: int = 0
    header: Sequence[str] = ()
    """Names of the columns, where no line of the file has them."""
    null: Sequence[str] = ()
    time_format: str = ""
    time_unit: str = "s"
    timezone: str = "UTC"


@dataclass(frozen=True)
class BrokenLine:
    """A line of a CSV file with more or fewer fields than columns."""

    text: str
    reason: str


def parts(
    path: str, file: Any, wanted: Sequence[str], dialect: Dialect, broken: list[BrokenLine]
) -> Iterator[pa.Table]:
    """Some columns of a file; its broken lines are left out, and added to `broken`.

    Raises: SourceError for what is no table, ConfigError for a column that is not there
    """
    with _named(path):
        yield from (
            _of_parquet(path, file, wanted)
            if path.endswith((".parquet", ".pq"))
            else _of_csv(path, file, wanted, dialect, broken)
        )


@contextmanager
def _named(path: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise SourceError(
            f"file '{path}' is no readable table: {(str(error) or repr(error)).splitlines()[0]}"
        ) from error


def _of_parquet(path: str, file: Any, wanted: Sequence[str]) -> Iterator[pa.Table]:
    parquet = pq.ParquetFile(file, pre_buffer=True)
    _require(wanted, parquet.schema_arrow.names, path)
    for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=list(wanted)):
        yield pa.Table.from_batches([batch])


def _of_csv(
    path: str, file: Any, wanted: Sequence[str], dialect: Dialect, broken: list[BrokenLine]
) -> Iterator[pa.Table]:
    kept = io.BufferedReader(file) if not hasattr(file, "peek") else file
    start = kept.peek(_BYTES_AT_ONCE)
    if not start.strip():
        raise SourceError(f"file '{path}' is no readable table: it is empty.")
    _require(wanted, list(dialect.header) or _header(start, dialect), path)
    reading = pyarrow.csv.ReadOptions(
        block_size=_BYTES_AT_ONCE, encoding=dialect.encoding, skip_rows=dialect.skip_lines,
        column_names=list(dialect.header) or None,
    )  # fmt: skip

    def without(row: Any) -> str:
        reason = f"line with {counted(row.actual_columns, 'field')} of {counted(row.expected_columns, 'column')}"
        broken.append(BrokenLine(row.text, reason))
        return "skip"

    parsing = pyarrow.csv.ParseOptions(
        delimiter=dialect.separator, quote_char=dialect.quote or False, newlines_in_values=bool(dialect.quote),
        invalid_row_handler=without,
    )  # fmt: skip
    how = pyarrow.csv.ConvertOptions(
        include_columns=list(wanted), column_types=dict.fromkeys(wanted, pa.string()), null_values=[""],
        strings_can_be_null=True,
    )  # fmt: skip
    for batch in pyarrow.csv.open_csv(kept, reading, parsing, how):
        yield pa.Table.from_batches([batch])


def _header(start: bytes, dialect: Dialect) -> list[str]:
    lines = start.decode(dialect.encoding, "replace").removeprefix("\ufeff").splitlines()[dialect.skip_lines :]
    quote = {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
    return next(csv.reader([line for line in lines if line], delimiter=dialect.separator, **quote), [])


def _require(wanted: Sequence[str], found: Sequence[str], path: str) -> None:
    absent = [column for column in wanted if column not in found]
    if absent:
        one = str(found[0]) if len(found) == 1 else ""
        other = next((f' Is separator = "{sign}" meant?' for sep, sign in _SEPARATORS.items() if sep in one), "")
        raise ConfigError(
            f"file '{path}' has no column '{absent[0]}', found {', '.join(map(str, found))}.{other} "
            f"Name yours with id_column, time_column and value_columns.{_nameless(absent)}"
        )


def _nameless(absent: Sequence[str]) -> str:
    """The way out for files of one series each, where only the usual column of names is not there."""
    return ' If each file is a series, id_column = "" takes its name.' if absent == ["unique_id"] else ""


def times(column: Any, dialect: Dialect, names: Any) -> Any:
    """A column of times in UTC, by the names of their series; one with texts that are none stays text, for the border to name them."""
    if not pa.types.is_string(column.type):
        return instants(column, dialect.timezone, dialect.time_unit, names)
    if dialect.time_format:
        found = pc.strptime(column, dialect.time_format, "us", error_is_null=True)
        return instants(found, dialect.timezone, names=names) if found.null_count == column.null_count else column
    first = next((text for text in column.drop_null()[:1].to_pylist()), "")
    if _NUMBER.fullmatch(first):
        column = numbers(column, Dialect())
    return instants(column, dialect.timezone, dialect.time_unit, names)


def numbers(column: Any, dialect: Dialect) -> Any:
    """A column of values; one that holds texts that are none stays text."""
    kind = column.type
    if not pa.types.is_string(kind):
        known = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
        return column.cast(pa.float64()) if known else column
    thousands = dialect.thousands or ("." if dialect.decimal == "," else "")
    if thousands:
        column = _without(column, thousands, dialect.decimal)
    if dialect.decimal != ".":
        column = pc.replace_substring(column, dialect.decimal, ".")
    for text in (column, pc.utf8_trim_whitespace(column)):
        missing = pc.is_in(text, pa.array([*MISSING, *dialect.null]))
        column = pc.if_else(missing, None, text)
        try:
            return column.cast(pa.float64())
        except pa.ArrowInvalid:
            continue
    return column


def _without(column: Any, thousands: str, decimal: str) -> Any:
    """Texts without marks of thousands; one whose marks do not stand before groups of three digits is made no number."""
    right = pc.match_substring_regex(column, rf"^\s*{grouped(thousands, decimal)}\s*$")
    wrong = pc.and_(pc.match_substring(column, thousands), pc.invert(right))
    said = pc.binary_join_element_wise(column, f" ('{thousands}' is a mark of thousands)", "")
    return pc.if_else(wrong, said, pc.replace_substring(column, thousands, ""))
