"""Read what is new, then forecast and look for anomalies with the champion."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import project as opening
from flows.ingest import ingest
from flows.project import DEFAULT_PROJECT, opened, publish
from forecaster.actions.score import score as score_action

__all__ = ["score"]


@task(name="forecast-and-detect", cache_policy=NO_CACHE)
def forecast_and_detect(project: str, pipeline: str) -> None:
    """Forecasts, scores and events of all series of the pipeline."""
    publish(f"score-{pipeline}", score_action(pipeline, app=opened(project), watch=opening.watch))


@flow(name="score")
def score(pipeline: str, project: str = DEFAULT_PROJECT, fresh: bool = True) -> None:
    """Score a pipeline; with `fresh` its source is read first.

    A source that cannot be read does not stop the scoring: people are told of the events in what is there, also that the
    series have fallen silent. The run counts as failed all the same.
    """
    read = ingest(pipeline, project, return_state=True) if fresh else None
    forecast_and_detect(project, pipeline)
    if read is not None:
        read.result()
