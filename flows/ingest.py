"""Ingest one pipeline: a task for each part of its source, then what is wrong with its series."""

import logging
from datetime import UTC, datetime

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from forecaster.actions.base import instant
from forecaster.actions.ingest import ingest as ingest_action
from forecaster.actions.ingest import new_parts
from forecaster.actions.query import query
from forecaster.errors import SourceError
from forecaster.series.source import Window

__all__ = ["ingest"]

log = logging.getLogger("forecaster.flows")

_MOST, _MOST_SERIES, _TOLD = 200, 10_000, 10
"""Rows of an artefact, series of which there is one, lines of the run's log; `forecaster query quality` has all."""


@task(name="take-part", retries=2, retry_delay_seconds=5, cache_policy=NO_CACHE)
def take_part(project: str, pipeline: str, part: str, since: str | None, until: str | None, again: bool) -> int:
    """One part of the source; what landed before a failure does not land again with the retry."""
    asked = {"part": part, "since": since, "until": until, "again": again}
    outcome = ingest_action(pipeline, **asked, app=opened(project), watch=opening.watch)
    publish(f"ingest-{pipeline}", outcome)
    if outcome.skipped:
        raise SourceError("; ".join(outcome.lines))
    return sum(piece["rows_new"] for piece in outcome.facts["slices"])


@task(name="report-quality", cache_policy=NO_CACHE)
def report_quality(project: str, pipeline: str) -> None:
    """Report gaps, rejected rows, and stale or flat series; with very many series only `query quality` does."""
    if len(opened(project).ledger.units(pipeline)) > _MOST_SERIES:
        return
    report = query("quality", pipeline=pipeline, limit=_MOST, app=opened(project))
    publish(f"quality-{pipeline}", report)
    for row in report.table.head(_TOLD).to_dict("records") if report.table is not None else ():
        if row["problems"]:
            log.warning("series '%s' of pipeline '%s': %s", row["unique_id"], pipeline, row["problems"])


@flow(name="ingest")
def ingest(
    pipeline: str,
    project: str = DEFAULT_PROJECT,
    since: str | None = None,
    until: str | None = None,
    again: bool = False,
) -> int:
    """Read what is new in a pipeline's source up to the run's time, or back-fill a span; returns the number of new rows.

    Parts go one after the other; one that fails does not stop the others.
    """
    until = until or (flow_run.scheduled_start_time or datetime.now(UTC)).isoformat()
    end = instant(until, "until")
    assert end is not None, "a text was given"
    parts = new_parts(opened(project), pipeline, Window(end, instant(since, "since"), again))
    states = [take_part(project, pipeline, part, since, until, again, return_state=True) for part in parts]
    report_quality(project, pipeline)  # also without new rows: a source that fell silent has none
    failed = [state for state in states if state.is_failed()]
    if failed:
        raise SourceError(f"{len(failed)} of {len(states)} parts of '{pipeline}' failed; see their task runs.")
    return sum(state.result() for state in states)
