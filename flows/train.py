"""Train one pipeline's model, and let it serve if it is better."""

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from forecaster.actions.promote import promote as promote_action
from forecaster.actions.train import train as train_action

__all__ = ["train"]


@task(name="fit-and-judge", cache_policy=NO_CACHE)
def fit_and_judge(project: str, pipeline: str) -> None:
    """A challenger, judged beside seasonal naive."""
    publish(f"train-{pipeline}", train_action(pipeline, app=opened(project), watch=opening.watch))


@task(name="promote", cache_policy=NO_CACHE)
def promote(project: str, pipeline: str) -> None:
    """The challenger serves if it wins."""
    publish(f"promote-{pipeline}", promote_action(pipeline, app=opened(project), watch=opening.watch))


@flow(name="train")
def train(pipeline: str, project: str = DEFAULT_PROJECT) -> None:
    """Train, judge, register and, if it is better, promote."""
    fit_and_judge(project, pipeline)
    promote(project, pipeline)
