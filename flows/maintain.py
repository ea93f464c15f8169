"""Put the lake in order, on the project's `maintain_schedule`."""

from prefect import flow

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened, publish
from forecaster.actions.maintain import maintain as maintain_action

__all__ = ["maintain"]


@flow(name="maintain")
def maintain(project: str = DEFAULT_PROJECT) -> None:
    """Rewrite the lake as few files, sorted by series."""
    publish("maintain", maintain_action(app=opened(project), watch=opening.watch))
