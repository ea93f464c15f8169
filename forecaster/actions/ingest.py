"""Read new data from the sources, or a time span again."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions.base import Outcome, instant
from forecaster.counted import counted
from forecaster.errors import ConfigError, ForecasterError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.series.source import Slice, Window
    from forecaster.settings import Pipeline
    from forecaster.store.intake import Intake

__all__ = ["ingest"]

_COLUMNS = ["pipeline", "part", "slices", "rows_in", "rows_new", "rows_revised", "rows_rejected", "failed"]
_ENOUGH = 3
"""After this many consecutive failures the rest of a part is left: it would fail, too, each slice after its retries."""
_SAY_S = 10.0
"""Time between two messages about a part of many slices."""
_PATIENCE_S = 5.0
"""After this time without a message, a push source counts as having nothing left."""


def ingest(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    part: Annotated[str | None, "Only this part of the source: a file, a table. Default: all that is new."] = None,
    since: Annotated[
        str | None, "Back-fill from this time on, e.g. 2020-01-01. Default: go on where it stands."
    ] = None,
    until: Annotated[str | None, "First time that is left alone. Default: now."] = None,
    again: Annotated[bool, "Read also what is done, and keep what was revised."] = False,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Read new data from the sources into the lake; or with --since a time span that is missing there.

    Each slice of a source lands once, however often this runs and whenever it is killed. A slice that fails is
    recorded and tried again by the next run; the others continue. Several back-fills may run at once, and next to the
    schedule: they share the slices, and what is done stays done. A source that sends by itself is listened to until
    it has nothing left.
    """
    import pandas as pd

    from forecaster.series.source import Window

    begin, end = instant(since, "--since"), instant(until, "--until") or datetime.now(UTC)
    if begin is not None and begin >= end:
        raise ConfigError(f"--since {since} must be before --until {until or 'now'}.")
    window, rows = Window(end, begin, again), []
    for one in app.settings.chosen(pipeline):
        try:
            rows += _one(app, one, window, part, watch)
        except ForecasterError as error:  # of this pipeline; the others continue
            rows.append({"pipeline": one.name, "part": "", "error": f"pipeline '{one.name}': {error}"})
    failed = [row["error"] for row in rows if row["error"]]
    lines = [f"{counted(len(rows), 'slice')}, {len(failed)} failed"] if rows else ["nothing new"]
    parts = _by_part(rows)
    lines += [set_aside(row["pipeline"], row["part"], row) for row in parts if row["rows_rejected"]]
    lines += [_gone(row["pipeline"], row["part"], row["gone"]) for row in parts if row["gone"]]
    table = pd.DataFrame(parts, columns=_COLUMNS) if rows else None
    return Outcome([*lines, *failed], table, skipped=len(failed), facts={"slices": rows})


def _by_part(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The slices of each part as one row: their number, the sums of their counts, the first refused row, how many failed."""
    from forecaster.store.intake import RowCounts

    found: dict[tuple[str, str], tuple[int, int, RowCounts]] = {}
    for row in rows:
        slices, failed, counts = found.get(key := (row["pipeline"], row["part"]), (0, 0, RowCounts()))
        counts.add(RowCounts(**{name: row[name] for name in vars(counts) if name in row}))
        found[key] = (slices + 1, failed + bool(row["error"]), counts)
    return [
        {"pipeline": pipeline, "part": part, "slices": slices, **vars(counts), "failed": failed}
        for (pipeline, part), (slices, failed, counts) in found.items()
    ]


def set_aside(pipeline: str, part: str, counts: Mapping[str, Any]) -> str:
    """A message about rejected rows, for the screen."""
    from forecaster.store.listening import PART

    said = (
        f"stream '{pipeline}', slice '{part}': {counts['rows_rejected']} of {counts['rows_in']} rows set aside, the first as "
        f'{counts["refused"][:300]}. All: forecaster sql "SELECT * FROM quarantine"'
    )
    if part == PART:  # a push source does not send acknowledged rows again
        return said
    return f"{said}; after correcting settings or source: forecaster ingest {pipeline} --again"


def _gone(pipeline: str, part: str, rows: int) -> str:
    """A message about rows that a part of a source no longer has, for the screen."""
    told = counted(rows, "row that was read before is", "rows that were read before are")
    return (
        f"stream '{pipeline}', slice '{part}': {told} no longer in it, though earlier and later ones are; what was read stays stored. "
        "To replace a wrong value, write the right one for its time"
    )


def new_parts(app: "App", pipeline: str, window: "Window") -> list[str]:
    """Parts of a pipeline's source that have something new, for callers that ingest them one by one."""
    from forecaster.series.pushing import Pushing
    from forecaster.store.listening import PART

    intake = app.intake(app.settings.pipeline(pipeline))
    parts = dict.fromkeys(piece.part for piece in intake.pending(window))
    return [*parts, *([PART] if isinstance(intake.connector, Pushing) and window.start is None else [])]


def _one(app: "App", one: "Pipeline", window: "Window", part: str | None, watch: Watch) -> list[dict[str, Any]]:
    """A pipeline's slices, each with its counts or why it failed."""
    filling = window.start is not None
    verb, span = ("backfill", f":{window.start}:{window.end}") if filling else ("ingest", "")
    with (
        app.ledger.lease(f"{verb}:{one.name}{span}") as renew,
        app.ledger.run(verb, one.name, alone=not filling) as run,
    ):
        rows = []
        for row in _taken(app, one, window, part, watch):
            rows.append({"pipeline": one.name, "error": "", **row})
            renew()
        failed = sum(bool(row["error"]) for row in rows)
        rejected = sum(row.get("rows_rejected", 0) for row in rows)
        run.facts |= {
            "slices": len(rows),
            "failed": failed,
            "rejected": rejected,
            "licences": _licences(app, one, watch),
        }
    return rows


def _taken(app: "App", one: "Pipeline", window: "Window", part: str | None, watch: Watch) -> Iterator[dict[str, Any]]:
    """Take in part by part, then what the source sends by itself."""
    from forecaster.series.pushing import Pushing
    from forecaster.store.leases import Busy
    from forecaster.store.listening import PART

    intake, begun = app.intake(one), datetime.now(UTC)
    problems = intake.connector.check()
    if problems:
        raise ConfigError("; ".join(problems))
    for name, pieces in groupby(intake.pending(window), lambda piece: piece.part):
        if part in (None, name):
            yield from _of_part(intake, list(pieces), begun, watch)
    if isinstance(intake.connector, Pushing) and window.start is None and part in (None, PART):
        try:
            with app.ledger.lease(f"listen:{one.name}", wait_s=0):
                yield from _arrived(intake)
        except Busy:
            watch.say(f"{one.name}: a listener is already taking in what it sends")


def _of_part(intake: "Intake", pieces: "list[Slice]", begun: datetime, watch: Watch) -> Iterator[dict[str, Any]]:
    """Take in slice by slice, until several fail in a row."""
    failed, said = 0, -_SAY_S
    for number, piece in enumerate(pieces):
        if failed == _ENOUGH:
            left = counted(len(pieces) - number, "more is", "more are")
            why = f"{failed} slices of '{piece.part}' failed in a row; {left} left to the next run."
            yield {"part": piece.part, "error": f"stream '{intake.stream}': {why}"}
            return
        if time.monotonic() - said >= _SAY_S:
            place = f", slice {number + 1:,} of {len(pieces):,}" if len(pieces) > 1 else ""
            watch.say(f"{intake.stream}: reading {piece.part}{place}")
            said = time.monotonic()
        row = _of_slice(intake, piece, begun, watch)
        if row is not None:
            failed = failed + 1 if "error" in row else 0
            yield row


def _of_slice(intake: "Intake", piece: "Slice", begun: datetime, watch: Watch) -> dict[str, Any] | None:
    """The counts of a slice, or why it failed; None if another run has it."""
    from forecaster.store.leases import Busy
    from forecaster.store.slices import slice_id

    name = slice_id(intake.stream, piece)
    try:
        with intake.ledger.lease(f"slice:{name}", wait_s=0):
            if intake.ledger.is_done(name, begun):  # by a back-fill beside this one
                return None
            taken = intake.take_in(piece)
        return {"part": piece.part, **asdict(taken)}
    except Busy:
        watch.say(f"{intake.stream}: {piece.part} is being read by another run")
        return None
    except ForecasterError as error:
        return {"part": piece.part, "error": str(error)}


def _arrived(intake: "Intake") -> Iterator[dict[str, Any]]:
    """Take in what the source has kept for us."""
    from forecaster.store.intake import RowCounts
    from forecaster.store.listening import PART, listen

    total = RowCounts()
    listen(intake, patience_s=_PATIENCE_S, told=total.add)
    if total.rows_in:
        yield {"part": PART, **asdict(total)}


def _licences(app: "App", one: "Pipeline", watch: Watch) -> list[str]:
    """The licences of the pipeline's series, shown with every run."""
    found = app.ledger.licences(one.name)
    if found:
        watch.say(f"{one.name}: {'; '.join(found)}")
    return found
