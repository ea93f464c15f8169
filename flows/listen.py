"""Listen to a pipeline's source, as long as the flow runs."""

from prefect import flow

from flows import project as opening
from flows.project import DEFAULT_PROJECT, opened
from forecaster.actions.listen import listen as listen_action

__all__ = ["listen"]


@flow(name="listen")
def listen(pipeline: str, project: str = DEFAULT_PROJECT, seconds: float | None = None) -> int:
    """Take in what the source sends; returns the number of new rows. A run that is cancelled loses nothing."""
    outcome = listen_action(pipeline, seconds=seconds, app=opened(project), watch=opening.watch)
    return int(outcome.facts["rows_new"])
