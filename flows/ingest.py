"""Ingest one pipeline: a task for each part of its source."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from forecaster.actions.ingest import ingest as ingest_action
from forecaster.actions.ingest import new_parts
from forecaster.errors import SourceError

__all__ = ["ingest"]


@task(name="take-part", retries=2, retry_delay_seconds=5, cache_policy=NO_CACHE)
def take_part(project: str, pipeline: str, part: str) -> int:
    """One part of the source; what landed before a failure does not land again with the retry."""
    outcome = ingest_action(pipeline, part=part, app=opened(project), watch=opening.watch)
    publish(f"ingest-{pipeline}", outcome)
    if outcome.skipped:
        raise SourceError("; ".join(outcome.lines))
    return sum(piece["rows_new"] for piece in outcome.facts["slices"])


@flow(name="ingest")
def ingest(pipeline: str, project: str = DEFAULT_PROJECT) -> int:
    """Read what is new in a pipeline's source; returns the number of new rows.

    Parts go one after the other: writers of one stream are serialised anyway. One that fails does not stop the others.
    """
    states = [take_part(project, pipeline, part, return_state=True) for part in new_parts(opened(project), pipeline)]
    failed = [state for state in states if state.is_failed()]
    if failed:
        raise SourceError(f"{len(failed)} of {len(states)} parts of '{pipeline}' failed; see their task runs.")
    return sum(state.result() for state in states)
