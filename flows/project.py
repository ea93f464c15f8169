"""Shared by all flows: open the project quietly, and publish results on Prefect's pages."""

import logging
import os
from pathlib import Path

from forecaster.quiet import hush, hush_the_end

hush()
hush_the_end()  # a flow's run is a process whose end is in the log: DuckDB counts its functions there

import pandas as pd
from prefect.artifacts import create_table_artifact

from forecaster.actions.base import Outcome
from forecaster.app import App
from forecaster.progress import Moment, Watch

__all__ = ["DEFAULT_PROJECT", "opened", "publish", "watch"]

log = logging.getLogger("forecaster.flows")


class _Logged:
    """A `Watch` whose lines are in the flow run's log."""

    def say(self, line: str) -> None:
        """A line worth reading."""
        log.info(line)

    def moment(self, moment: Moment) -> None:
        """Held-out losses only, because a log is not a progress bar."""
        if moment.val_loss is not None:
            log.info("step %d of %d, held-out loss %.4g", moment.step, moment.steps, moment.val_loss)

    def table(self, table: pd.DataFrame) -> None:
        """As text."""
        log.info("\n%s", table.to_string(index=False))


watch: Watch = _Logged()
"""Who watches the flows of this process."""

DEFAULT_PROJECT = os.environ.get("FORECASTER_PROJECT", "forecaster.toml")


def opened(project: str) -> App:
    """The project of a file."""
    return App.open(Path(project))


def publish(key: str, outcome: Outcome) -> None:
    """The table of an outcome as an artefact of the flow run."""
    if outcome.table is None:
        return
    rows = outcome.table.astype(object).where(outcome.table.notna(), None)
    create_table_artifact(
        key=key.replace("_", "-"),
        table=[
            {
                name: value if isinstance(value, (int, float, str, type(None))) else str(value)
                for name, value in row.items()
            }
            for row in rows.to_dict("records")
        ],
        description="; ".join(outcome.lines) or None,
    )
