"""Answers of InfluxDB, accepted only if complete: chunked JSON of version 1, annotated CSV of version 2."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from forecaster.errors import ConfigError, SourceError

__all__ = ["Points", "of_csv", "of_json"]

_ROWS_AT_ONCE = 10_000
_OURS = frozenset({"", "result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement"})


@dataclass(frozen=True)
class Points:
    """Values of one field of one series, in a row."""

    measurement: str
    tags: Mapping[str, str]
    field: str
    times: pa.Array
    values: Sequence[Any]
    """Numbers, flags, texts; None where there is none."""


def of_json(lines: Iterable[str]) -> Iterator[Points]:
    """Points of `GET /query` with `chunked=true` and `epoch=u`: a JSON object a line, each with a part of a series."""
    more = False
    for line in lines:
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise SourceError(f"the answer is cut: {line[-80:]!r} ends it, expected a whole JSON object") from error
        for result in [answer, *answer.get("results", [])]:
            if "error" in result:
                raise _said(result["error"])
        for result in answer.get("results", []):
            more = bool(result.get("partial"))
            for series in result.get("series", []):
                yield from _of_series(series)
    if more:
        raise SourceError("the answer is cut: its last part is marked as partial")


def _of_series(series: Mapping[str, Any]) -> Iterator[Points]:
    names, *columns = [series["columns"], *zip(*series["values"], strict=True)]
    times = pa.array(columns[0], pa.timestamp("us", "UTC"))
    for name, values in zip(names[1:], columns[1:], strict=True):
        yield Points(series["name"], series.get("tags", {}), name, times, values)


def of_csv(lines: Iterable[str]) -> Iterator[Points]:
    """Points of `POST /api/v2/query` with annotations: tables, each with lines on its columns, and blank lines between."""
    table = _Table()
    for line in csv.reader(lines):
        if not line or line[0] == "#datatype":  # the table before is over
            yield from table.points()
            table = _Table({line[0]: line} if line else {})
        elif line[0].startswith("#"):
            table.annotations[line[0]] = line
        elif not table.header:
            table.header = line
        else:
            table.require_row(line)
            if table.is_full_for(line):
                yield from table.points()
                table.rows = []
            table.rows.append(line)
    yield from table.points()


@dataclass
class _Table:
    """A table of an answer as far as it has been read: what is said of its columns, their names, and rows of one series."""

    annotations: dict[str, list[str]] = field(default_factory=dict)
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    def require_row(self, line: list[str]) -> None:
        """Check that a line is a row. Raises: SourceError if it is cut; the error that the server says instead of rows"""
        if "_value" not in self.header and "error" in self.header:
            raise _said(dict(zip(self.header, line, strict=False))["error"])
        if len(line) != len(self.header):
            raise SourceError(
                f"the answer is cut: {','.join(line)!r} has {len(line)} columns, expected {len(self.header)}"
            )

    def is_full_for(self, line: list[str]) -> bool:
        """Whether a row is of another series than the rows before it, or these are many."""
        table = self.header.index("table")
        return bool(self.rows) and (line[table] != self.rows[-1][table] or len(self.rows) == _ROWS_AT_ONCE)

    def points(self) -> Iterator[Points]:
        """The rows as points."""
        if not self.rows:
            return
        header = self.header
        defaults = self._of_columns(self.annotations.get("#default", [""] * len(header)))
        first = {name: value or defaults[name] for name, value in self._of_columns(self.rows[0]).items()}
        grouped = self._of_columns(self.annotations["#group"])
        tags = {name: first[name] for name in header if grouped[name] == "true" and name not in _OURS}
        time, value = header.index("_time"), header.index("_value")
        times = pa.array([_micros(row[time]) for row in self.rows]).cast(pa.timestamp("us", "UTC"))
        convert = _TYPES.get(self._of_columns(self.annotations["#datatype"])["_value"], str)
        values = [convert(row[value]) if row[value] else None for row in self.rows]
        yield Points(first["_measurement"], tags, first["_field"], times, values)

    def _of_columns(self, line: list[str]) -> dict[str, str]:
        return dict(zip(self.header, line, strict=True))


_TYPES: dict[str, Any] = {"double": float, "long": int, "unsignedLong": int, "boolean": lambda text: text == "true"}


def _micros(time: str) -> str:
    """RFC 3339 times, truncated to microseconds."""
    head, dot, fraction = time.removesuffix("Z").partition(".")
    return f"{head}{dot}{fraction[:6]}Z"


def _said(error: str) -> ConfigError | SourceError:
    """Whose move an error inside a success is."""
    if any(words in error for words in ("not found", "parsing", "undefined", "compilation failed", "retention policy")):
        return ConfigError(f"{error}. Check the names in the source's settings.")
    return SourceError(error)
