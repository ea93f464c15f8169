"""Progress of reading the sources: slices with their outcome, and the complete spans of each part.

A successful slice extends its part's coverage in the same transaction, so finding out what is left does not need a pass
over years of slices. Coverage only ever grows, in whatever order slices end.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from forecaster.series.source import Done, Slice, Span
from forecaster.store.schema import coverage, series, slices

__all__ = ["WATERMARK", "add", "begin", "describe", "done", "end", "inserted", "merged", "slice_id", "watermarks"]

WATERMARK = ["stream", "part", "watermark", "latest", "holes", "failed", "cursor", "updated_at"]


def slice_id(stream: str, piece: Slice) -> str:
    """The id of a slice, the same on every machine."""
    text = "|".join([stream, piece.part, piece.cursor, str(piece.start), str(piece.end)])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def begin(connection: sa.Connection, stream: str, piece: Slice) -> None:
    """Record that a slice is being read (again)."""
    new = inserted(connection, slices).values(
        **_row(stream, piece), status="reading", attempt=1, started_at=datetime.now(UTC)
    )
    again = {"status": "reading", "attempt": slices.c.attempt + 1, "started_at": new.excluded.started_at, "error": None}
    connection.execute(new.on_conflict_do_update(index_elements=["slice_id"], set_=again))


def add(
    connection: sa.Connection, stream: str, piece: Slice, counts: Mapping[str, int], last: datetime | None = None
) -> None:
    """Add rows of a push source, up to a last time, to the counts of a slice."""
    now = datetime.now(UTC)
    new = inserted(connection, slices).values(
        **_row(stream, piece), **counts, status="done", attempt=1, started_at=now, finished_at=now
    )
    more: dict[str, Any] = {name: slices.c[name] + new.excluded[name] for name in counts}
    connection.execute(
        new.on_conflict_do_update(index_elements=["slice_id"], set_={**more, "finished_at": new.excluded.finished_at})
    )
    known = {row.part: row.last_ds for row in _coverage(connection, stream)}.get(piece.part)
    newest = max((time for time in (known, last) if time), default=None)
    _cover(connection, stream, piece.part, piece.cursor, [], newest)


def end(
    connection: sa.Connection, slice_id: str, status: str, facts: Mapping[str, Any], last: datetime | None = None
) -> None:
    """Record a slice as `done`, with the last time of its rows, or as `failed` with an error."""
    mine = slices.c.slice_id == slice_id
    connection.execute(slices.update().where(mine).values(status=status, finished_at=datetime.now(UTC), **facts))
    if status != "done":
        return
    row = connection.execute(slices.select().where(mine)).one()
    span = [(row.start, row.end)] if row.start and row.end else []
    _cover(connection, row.stream, row.part, row.cursor, span, last)


def done(connection: sa.Connection, stream: str) -> Done:
    """What is complete of a stream, part by part."""
    rows = _coverage(connection, stream)
    spans = {row.part: [_span(one) for one in row.spans] for row in rows if row.spans}
    return Done({row.part: row.cursor for row in rows}, spans)


def watermarks(connection: sa.Connection, stream: str | None = None) -> list[dict[str, Any]]:
    """How far each part of the streams (or of one) has been read, and the slices that failed since."""
    places = [coverage.c.stream == stream] if stream is not None else []
    known = {(row.stream, row.part): row for row in connection.execute(coverage.select().where(*places))}
    failing = slices.select().where(slices.c.status == "failed", *([slices.c.stream == stream] if places else []))
    failed: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(failing):
        key = (row.stream, row.part)
        failed[key] += key not in known or row.finished_at > known[key].updated_at
    return [
        _watermark(*key, known.get(key), failed[key])
        for key in sorted({*known, *(key for key in failed if failed[key])})
    ]


def _watermark(stream: str, part: str, row: Any, failed: int) -> dict[str, Any]:
    """The watermark of a part. Without spans (a file, or a push source) it is the last time of its rows."""
    spans = [] if row is None else [_span(one) for one in row.spans]
    whole = None if row is None else row.last_ds
    ends = (spans[0][1], spans[-1][1]) if spans else (whole, whole)
    said = (None, None) if row is None else (row.cursor, row.updated_at)
    return dict(zip(WATERMARK, (stream, part, *ends, max(0, len(spans) - 1), failed, *said), strict=True))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Sorted spans, with those that touch or overlap merged."""
    found: list[Span] = []
    for start, last in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((start, last))
    return found


def describe(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Record new or known series: given facts replace earlier ones, and the range of known times only widens."""
    for names in {tuple(row) for row in rows}:
        new = inserted(connection, series)
        said = {name: _said(connection, name, new.excluded[name]) for name in names if name != "unique_id"}
        alike = [row for row in rows if tuple(row) == names]
        connection.execute(new.on_conflict_do_update(index_elements=["unique_id"], set_=said), alike)


def _said(connection: sa.Connection, name: str, given: Any) -> Any:
    """The new value of a column of a known series."""
    if name == "step":  # empty if too few rows came to find it: keep the earlier one
        return sa.func.coalesce(sa.func.nullif(given, ""), series.c.step, "")
    least, most = ("min", "max") if connection.dialect.name == "sqlite" else ("least", "greatest")
    if name not in ("first_ds", "last_ds"):
        return given
    known = series.c[name]
    widest = getattr(sa.func, least if name == "first_ds" else most)
    return widest(sa.func.coalesce(known, given), sa.func.coalesce(given, known))


def _row(stream: str, piece: Slice) -> dict[str, Any]:
    return {"slice_id": slice_id(stream, piece), "stream": stream, **vars(piece)}


def inserted(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that supports ON CONFLICT."""
    return sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)


def _cover(
    connection: sa.Connection, stream: str, part: str, cursor: str, spans: Sequence[Span], last: datetime | None = None
) -> None:
    """Extend the coverage of a part; its row is locked, so that two slices ending at once both count."""
    key = {"stream": stream, "part": part}
    empty = inserted(connection, coverage).values(**key, cursor=cursor, spans=[])
    connection.execute(empty.on_conflict_do_nothing())
    mine = sa.and_(coverage.c.stream == stream, coverage.c.part == part)
    known = connection.execute(sa.select(coverage.c.spans).where(mine).with_for_update()).scalar_one()
    whole = merged([*map(_span, known), *spans])
    written = [[first.isoformat(), last.isoformat()] for first, last in whole]
    new = {"cursor": cursor, "spans": written, "updated_at": datetime.now(UTC)}
    connection.execute(coverage.update().where(mine).values(**new, **({} if last is None else {"last_ds": last})))


def _coverage(connection: sa.Connection, stream: str) -> Sequence[Any]:
    """The coverage of each part of a stream."""
    mine = coverage.select().where(coverage.c.stream == stream)
    rows = connection.execute(mine).all()
    if not rows:
        _cover_by_slices(connection, stream)
        rows = connection.execute(mine).all()
    return rows


def _cover_by_slices(connection: sa.Connection, stream: str) -> None:
    """Compute coverage from slices, for a ledger of an earlier version."""
    complete = slices.select().where(slices.c.stream == stream, slices.c.status == "done")
    for row in connection.execute(complete.order_by(slices.c.finished_at)).all():
        span = [(row.start, row.end)] if row.start and row.end else []
        _cover(connection, stream, row.part, row.cursor, span)


def _span(written: Sequence[str]) -> Span:
    first, last = written
    return datetime.fromisoformat(first), datetime.fromisoformat(last)
