"""The observations of a pipeline, as known at a time."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from forecaster.actions._covariates import forecast_series, with_others
from forecaster.actions._feedback import taught, verdicts
from forecaster.errors import DataError, MissingPackage

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.series.frame import Checked
    from forecaster.series.roles import Roles
    from forecaster.settings import Pipeline

__all__ = ["examples", "observed"]

log = logging.getLogger(__name__)


def observed(
    app: "App", one: "Pipeline", when: datetime, roles: "Roles | None" = None
) -> "tuple[pd.DataFrame, Checked]":
    """A pipeline's observations as they were known at a time, and their grids.

    The grids have the covariates of some roles, those that a model was trained with; none by default.

    Raises: DataError if there is no observation, or no value of a covariate
    """
    names = forecast_series(app, one)["unique_id"].tolist()
    frame = app.lake.read("observations", series=names, as_of=when) if names else None
    if frame is None or len(frame) == 0:
        raise DataError(_nothing_yet(app, one, when))
    return frame, _checked(app, one, frame, when, roles)


def _nothing_yet(app: "App", one: "Pipeline", when: datetime) -> str:
    """Why there are no rows as of a time, and what to do."""
    read = app.ledger.find_slices(stream=one.name)
    if read.empty:
        return f"pipeline '{one.name}' has no observation yet. Run: forecaster ingest {one.name}"
    if when < (first := read["started_at"].min()):
        known = f"knew no observation at {when:%Y-%m-%d %H:%M}: it was first read at {first:%Y-%m-%d %H:%M}"
        return f"pipeline '{one.name}' {known}, in UTC. Give a later time."
    if (read["status"] != "done").all():
        why = f"pipeline '{one.name}' has no observation yet, as its last reading failed: {read['error'].iloc[0]}"
        return f"{why}\nWhen that is put right, run: forecaster ingest {one.name}"
    return (
        f"pipeline '{one.name}' has no observation: what it has read was set aside, or is another pipeline's by now. "
        f"Read it again: forecaster ingest {one.name} --again"
    )


def examples(
    app: "App", one: "Pipeline", when: datetime, roles: "Roles"
) -> "tuple[pd.DataFrame, Checked, dict[str, int]]":
    """The same without rows that people's labels exclude from training, and how many rows of each kind are left out."""
    frame, checked = observed(app, one, when, roles)
    said = verdicts(app, frame["unique_id"].unique().tolist(), when)
    frame, left_out = taught(frame, said, one.horizon)
    return frame, _checked(app, one, frame, when, roles) if left_out else checked, left_out


def _checked(app: "App", one: "Pipeline", frame: "pd.DataFrame", when: datetime, roles: "Roles | None") -> "Checked":
    """Rows as grids, with the covariates of some roles."""
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    checked = check(frame[["unique_id", "ds", "y"]], Roles(), freq=_sessions(app, one))
    return with_others(app, one, checked, roles, one.horizon, when) if roles not in (None, Roles()) else checked


def _sessions(app: "App", one: "Pipeline") -> str | None:
    """The step of daily series that all share a trading calendar; None if the step is to be found from the times."""
    from forecaster.series.sessions import sessions

    series = forecast_series(app, one)
    calendars = set(series["calendar"].fillna(""))
    if set(series["step"]) != {"B"} or len(calendars) > 1 or calendars <= {"", "24/7"}:
        return None
    try:
        return f"B-{sessions(calendars.pop()).name}"
    except MissingPackage as error:
        log.warning("pipeline '%s' takes Monday to Friday for its sessions: %s", one.name, error)
        return None
