"""Streams JSON lines: one answer line for each input line, even if it is invalid."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from forecaster import columns
from forecaster.columns import FLAGS, LEVELS, QUANTILES
from forecaster.errors import DataError
from forecaster.layers.distribution import mean
from forecaster.scoring.answers import AHEAD, LATE, NEXT, REASON, Answers
from forecaster.scoring.events import SILENT
from forecaster.scoring.stream import Stream
from forecaster.series.door import ALONE
from forecaster.series.grid import Floats

__all__ = ["LONGEST_LINE", "Answering", "batches"]

_BYTES_AT_ONCE = 1 << 20
LONGEST_LINE = 1 << 24
"""Bytes of the longest line that is read: far more than a row of ten thousand channels."""
_LATEST = 2**53
_NUMBERS = (columns.Y, *columns.MEASURES)
_AHEAD = (columns.MEAN, *QUANTILES)
_encoded = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class _Row:
    """A valid line."""

    unique_id: Any
    ds: Any
    values: tuple[float, ...]
    """`y`, or one value for each channel."""


def batches(read: Callable[[int], bytes | None]) -> Iterator[list[bytes]]:
    """Lines as they come, all that are waiting in one batch; an empty batch where nothing came for a while.

    `read` gives what has arrived, None after a while without anything, and b"" at the end. Of a line without an end no
    more is kept than shows that it is too long.
    """
    begun = bytearray()
    while (chunk := read(_BYTES_AT_ONCE)) != b"":
        if chunk is None:
            yield []
            continue
        first, *more = chunk.split(b"\n")
        begun += first
        del begun[LONGEST_LINE + 1 :]
        if more:
            yield [bytes(begun), *more[:-1]]
            begun = bytearray(more[-1])
    if begun:
        yield [bytes(begun)]


class Answering:
    """Answers lines, and saves the state after the first of them, and then from time to time, also while none come.

    Rows are answered before they are saved: if an answer is lost in a crash, its row is read again, never skipped.
    """

    def __init__(self, stream: Stream, write: Callable[[str], None], state: Path, snapshot_seconds: float) -> None:
        self._stream, self._write, self._state, self._seconds = stream, write, state, snapshot_seconds
        self.lines = self.late = self.ahead = self.refused = 0
        """Number of lines so far; among them late rows, rows of a wrong clock, and invalid lines."""

    def all(self, waiting: Iterable[Sequence[bytes]]) -> None:
        """Answer lines until there are no more, or nobody reads the answers."""
        kept, is_kept = -math.inf, True
        for lines in waiting:
            if lines:
                try:
                    self._write("".join(f"{line}\n" for line in self._answered(lines)))
                except BrokenPipeError:
                    return
                is_kept = False
            if not is_kept and monotonic() - kept >= self._seconds:
                self._stream.save(self._state)
                kept, is_kept = monotonic(), True
        self._stream.save(self._state)

    def _answered(self, lines: Sequence[bytes]) -> list[str]:
        """One answer per line, in order; empty lines get none."""
        answers: dict[int, str] = {}
        rows: dict[int, _Row] = {}
        for number, line in enumerate(lines, start=self.lines + 1):
            if line.strip():
                try:
                    rows[number] = self._row(line)
                except (ValueError, OverflowError) as error:
                    answers[number] = self._refusal(number, error)
        self.lines += len(lines)
        answers |= self._taken(rows)
        return [answers[number] for number in sorted(answers)]

    def _row(self, line: bytes) -> _Row:
        stream = self._stream
        return _read(line, stream.integer, stream.values, ALONE if stream.one_series else None)

    def _taken(self, rows: dict[int, _Row]) -> dict[int, str]:
        """Answers to valid lines; one by one if a time among them is invalid."""
        try:
            return dict(zip(rows, self._said(list(rows.values())), strict=True)) if rows else {}
        except DataError as error:
            if len(rows) == 1:
                return {number: self._refusal(number, error) for number in rows}
        return {number: answer for each in rows.items() for number, answer in self._taken(dict([each])).items()}

    def _said(self, rows: Sequence[_Row]) -> list[str]:
        stream, values = self._stream, np.array([row.values for row in rows])
        found = stream.answer([str(row.unique_id) for row in rows], [row.ds for row in rows], values)
        tracks = [*stream.channels, columns.WHOLE] if stream.channels else [None]
        reasons = found.reason[:: len(tracks)]
        self.late += sum(reason.startswith(LATE) for reason in reasons)
        self.ahead += sum(reason.startswith(AHEAD) for reason in reasons)
        if stream.channels:
            values = np.column_stack([values, np.full(len(rows), np.nan)])  # a whole has no value
        named = [
            {
                columns.UNIQUE_ID: row.unique_id,
                **({} if track is None else {columns.CHANNEL: track}),
                columns.DS: row.ds,
            }
            for row in rows
            for track in tracks
        ]
        said = _answers(found, values.reshape(-1), stream.tells_silence)
        lines = [_encoded(name | one) for name, one in zip(named, said, strict=True)]
        return ["\n".join(lines[k : k + len(tracks)]) for k in range(0, len(lines), len(tracks))]

    def _refusal(self, number: int, error: Exception) -> str:
        self.refused += 1
        return json.dumps({"line": number, "error": str(error)}, ensure_ascii=False)


def _answers(found: Answers, y: Floats, tells_silence: bool) -> Iterator[dict[str, Any]]:
    """The answer to each value, as fields of JSON."""
    numbers = _plain([y, *found.measures.values()])
    ahead = _plain([mean(found.ahead, LEVELS), *found.ahead.T])
    told = zip(*(getattr(found, name).tolist() for name in FLAGS), strict=True)
    ends = zip(found.next_ds.tolist(), found.silent.tolist(), found.reason.tolist(), strict=True)
    for number, flags, quantiles, (next_ds, silent, reason) in zip(numbers, told, ahead, ends, strict=True):
        answer = dict(zip(_NUMBERS, number, strict=True)) | dict(zip(FLAGS, flags, strict=True)) | {NEXT: next_ds}
        answer |= dict(zip(_AHEAD, quantiles, strict=True)) | ({SILENT: silent} if tells_silence else {})
        yield answer | {REASON: reason or None}


def _plain(parts: Sequence[Floats]) -> list[list[float | None]]:
    """Numbers of each row, None for those that JSON cannot represent."""
    table = np.column_stack(parts)
    plain: list[list[float | None]] = np.where(np.isfinite(table), table.astype(object), np.array(None)).tolist()
    return plain


def _read(line: bytes, integer: bool, values: Sequence[str], alone: str | None) -> _Row:
    """Parse a row; `alone` is the series of rows without a name. Raises: ValueError that says what is wrong"""
    if len(line) > LONGEST_LINE:
        raise ValueError(f"longer than {LONGEST_LINE:,} bytes. End each row with a line break")
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:  # the latter from brackets nested too deep
        raise ValueError(f"no JSON: {error}") from error
    if not isinstance(data, dict):
        raise ValueError(f"no JSON object with unique_id, ds and {', '.join(values)}")
    if alone is not None:
        data.setdefault(columns.UNIQUE_ID, alone)
    absent = [name for name in (columns.UNIQUE_ID, columns.DS, *values) if name not in data]
    if absent:
        raise ValueError(f"no '{absent[0]}'")
    name, ds = data[columns.UNIQUE_ID], data[columns.DS]
    if isinstance(name, bool) or not isinstance(name, str | int) or name == "" or not _can_be_written(name):
        raise ValueError(f"unique_id is {name!r}, no name")
    if isinstance(ds, bool) or not isinstance(ds, int if integer else str) or not _can_be_written(ds):
        raise ValueError(f"ds is {ds!r}, expected {'an integer' if integer else 'a time like 2024-03-31T01:00Z'}")
    for value in values:
        y = data[value]
        if y is not None and (isinstance(y, bool) or not isinstance(y, int | float)):
            raise ValueError(f"{value} is {y!r}, expected a number or null")
    if isinstance(ds, int) and abs(ds) > _LATEST:
        raise ValueError(f"ds is {ds}, too large")
    return _Row(name, ds, tuple(math.nan if data[value] is None else float(data[value]) for value in values))


def _can_be_written(value: object) -> bool:
    """Whether UTF-8 has it: JSON may name halves of characters (lone surrogates), which no answer can repeat."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True
