"""Serve the flows of a project on the schedules of its file: `python -m flows.serve forecaster.toml`.

Schedules stay active when this process ends: Prefect then runs late what was missed, and every flow finds by its ledger
what is still to do.
"""

import os
import re
import sys
from datetime import timedelta
from typing import Any

from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval, Schedule

from flows.project import opened
from flows.score import score
from flows.train import train
from forecaster.errors import ConfigError
from forecaster.series.frequency import parse_duration
from forecaster.settings import Pipeline

__all__ = ["deployments", "main", "schedule_of"]

_LIMIT = 2
"""Flow runs at once."""


def main() -> None:
    """Serve until interrupted."""
    project = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "forecaster.toml")
    serve(*deployments(project), pause_on_shutdown=False, limit=_LIMIT, print_starting_message=False)


def deployments(project: str) -> list[RunnerDeployment]:
    """Two deployments for each pipeline: score and train, each on its schedule or by hand."""
    made = []
    for one in opened(project).settings.pipelines.values():
        made.append(_deployment(score, one, one.schedule, project))
        made.append(_deployment(train, one, one.train_schedule, project))
    if not made:
        raise ConfigError(f"'{project}' has no pipeline to serve.")
    return made


def schedule_of(text: str) -> Schedule | None:
    """`every 6h` or a cron line in UTC; None for an empty text. Raises: ConfigError for anything else."""
    if not text.strip():
        return None
    every = re.fullmatch(r"every\s+(\w+)", text.strip())
    if every:
        return Interval(timedelta(microseconds=parse_duration(every.group(1))))
    try:
        return Cron(text, timezone="UTC")
    except ValueError as error:
        raise ConfigError(f"schedule '{text}': use a cron line such as '0 6 * * *', or 'every 6h'.") from error


def _deployment(flow: "Flow[..., Any]", one: Pipeline, text: str, project: str) -> RunnerDeployment:
    schedule = schedule_of(text)
    deployment = flow.to_deployment(
        name=one.name,
        parameters={"pipeline": one.name, "project": project},
        schedules=[schedule] if schedule is not None else [],
        tags=["forecaster", one.name],
        concurrency_limit=1,
    )
    assert isinstance(deployment, RunnerDeployment), deployment
    return deployment


if __name__ == "__main__":
    main()
