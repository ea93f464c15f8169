"""Serve the flows of a project on the schedules of its file: `python -m flows.serve forecaster.toml`.

Schedules stay active when this process ends: Prefect then makes up for missed runs, and every flow finds in the ledger
what is still to do.
"""

import os
import sys
from typing import Any

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval, Schedule

from flows.ingest import ingest
from flows.listen import listen
from flows.maintain import maintain
from flows.monitor import monitor
from flows.project import opened
from flows.score import score
from flows.train import train
from forecaster.errors import ConfigError
from forecaster.series.timetable import cron, interval

__all__ = ["deployments", "main"]

_LIMIT = 2
"""Flow runs at once."""


def main() -> None:
    """Serve until interrupted."""
    project = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "forecaster.toml")
    serve(*deployments(project), pause_on_shutdown=False, limit=_LIMIT, print_starting_message=False)


def deployments(project: str) -> list[RunnerDeployment]:
    """Five deployments for each pipeline (score, train and monitor on their schedules or by hand, ingest and listen by hand),
    and the lake's upkeep. A pipeline without a horizon is read on its schedule."""
    made, settings = [], opened(project).settings
    for one in settings.pipelines.values():
        scheduled: list[tuple[Flow[..., Any], str]] = [(ingest, "" if one.horizon else one.schedule), (listen, "")]
        if one.horizon:
            scheduled += [(score, one.schedule), (train, one.train_schedule), (monitor, one.monitor_schedule)]
        for flow, text in scheduled:
            made.append(_deployment(flow, one.name, text, {"pipeline": one.name, "project": project}))
    if not made:
        raise ConfigError(f"'{project}' has no pipeline to serve.")
    return [*made, _deployment(maintain, "lake", settings.maintain_schedule, {"project": project})]


def _schedule_of(text: str) -> Schedule | None:
    """`every 6h` or a cron line in UTC; None for an empty text. Raises: ConfigError for anything else"""
    if not text.strip():
        return None
    every = interval(text)
    return Cron(cron(text), timezone="UTC") if every is None else Interval(every)


def _deployment(flow: "Flow[..., Any]", name: str, text: str, parameters: dict[str, Any]) -> RunnerDeployment:
    schedule = _schedule_of(text)
    deployment = flow.to_deployment(
        name=name,
        parameters=parameters,
        schedules=[schedule] if schedule is not None else [],
        tags=["forecaster", name],
        concurrency_limit=1,
    )
    assert isinstance(deployment, RunnerDeployment), deployment
    return deployment


if __name__ == "__main__":
    main()
