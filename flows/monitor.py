"""Look how a pipeline's stored forecasts and alarms did, and train anew if forecasts have become worse and the pipeline says so."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from flows.train import train
from forecaster.actions.monitor import monitor as monitor_action

__all__ = ["monitor"]


@task(name="judge-forecasts", cache_policy=NO_CACHE)
def judge_forecasts(project: str, pipeline: str) -> bool:
    """Each version's forecasts beside the values that came, and its alarms beside those asked for; whether the champion's
    forecasts have become worse."""
    outcome = monitor_action(pipeline, app=opened(project), watch=opening.watch)
    publish(f"monitor-{pipeline}", outcome)
    return any(row["serves"] and row["worse"] for row in outcome.facts["monitored"])


@flow(name="monitor")
def monitor(pipeline: str, project: str = DEFAULT_PROJECT) -> None:
    """Judge the forecasts that came due, and count alarms; with `retrain` in the project file, train where they have become worse."""
    if judge_forecasts(project, pipeline) and opened(project).settings.pipelines[pipeline].retrain:
        train(pipeline, project)
