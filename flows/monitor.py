"""Look how a pipeline's stored forecasts did, and train anew if the champion has become worse and the pipeline says so."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from flows.train import train
from forecaster.actions.monitor import monitor as monitor_action

__all__ = ["monitor"]


@task(name="judge-forecasts", cache_policy=NO_CACHE)
def judge_forecasts(project: str, pipeline: str) -> bool:
    """Each version's forecasts beside the values that came; whether the champion has become worse."""
    outcome = monitor_action(pipeline, app=opened(project), watch=opening.watch)
    publish(f"monitor-{pipeline}", outcome)
    return any(row["serves"] and row["worse"] for row in outcome.facts["monitored"])


@flow(name="monitor")
def monitor(pipeline: str, project: str = DEFAULT_PROJECT) -> None:
    """Judge the forecasts that came due; with `retrain` in the project file, train where they have become worse."""
    if judge_forecasts(project, pipeline) and opened(project).settings.pipelines[pipeline].retrain:
        train(pipeline, project)
