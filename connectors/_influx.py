"""Answers of InfluxDB, accepted only if complete: chunked JSON of version 1, annotated CSV of version 2."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    kinds: dict[str, list[str]] = {}
    header: list[str] = []
    rows: list[list[str]] = []
    for line in csv.reader(lines):
        if not line or line[0].startswith("#"):
            if line and line[0] != "#datatype":
                kinds[line[0]] = line
            else:
                yield from _of_rows(kinds, header, rows)
                kinds, header, rows = {line[0]: line} if line else {}, [], []
        elif not header:
            header = line
        elif "_value" not in header and "error" in header:
            raise _said(dict(zip(header, line, strict=False))["error"])
        else:
            if len(line) != len(header):
                raise SourceError(
                    f"the answer is cut: {','.join(line)!r} has {len(line)} columns, expected {len(header)}"
                )
            table = header.index("table")
            if rows and (line[table] != rows[-1][table] or len(rows) == _ROWS_AT_ONCE):
                yield from _of_rows(kinds, header, rows)
                rows = []
            rows.append(line)
    yield from _of_rows(kinds, header, rows)


def _of_rows(kinds: Mapping[str, list[str]], header: list[str], rows: list[list[str]]) -> Iterator[Points]:
    """Rows of one series as points."""
    if not rows:
        return
    defaults = dict(zip(header, kinds.get("#default", [""] * len(header)), strict=True))
    types = dict(zip(header, kinds["#datatype"], strict=True))
    first = {name: value or defaults[name] for name, value in zip(header, rows[0], strict=True)}
    grouped = dict(zip(header, kinds["#group"], strict=True))
    tags = {name: first[name] for name in header if grouped[name] == "true" and name not in _OURS}
    time, value = header.index("_time"), header.index("_value")
    times = pa.array([_micros(row[time]) for row in rows]).cast(pa.timestamp("us", "UTC"))
    convert = _TYPES.get(types["_value"], str)
    values = [convert(row[value]) if row[value] else None for row in rows]
    yield Points(first["_measurement"], tags, first["_field"], times, values)


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
