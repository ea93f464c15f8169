"""The events of a pipeline, and the rows that they were found in, by model version."""

import math
from datetime import datetime
from typing import TYPE_CHECKING

from forecaster.actions._lookback import HORIZONS, parts, steps_back
from forecaster.actions._own_rows import own_rows

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.evaluation.alarm_rate import AlarmRate
    from forecaster.series.frame import Checked
    from forecaster.series.grid import Grid
    from forecaster.settings import Pipeline

__all__ = ["alarms_raised"]

_ASKED = 20
"""False alarms that should be allowed in the rows looked at: fewer say little about a rate."""
_STEPS_TOGETHER = 4
"""Steps within which events of several series may have begun for one reason. With more, a change of all series would look
like one, too."""


def alarms_raised(app: "App", one: "Pipeline", checked: "Checked", since: datetime | None) -> "dict[str, AlarmRate]":
    """What each version raised in the rows that it scored as they came.

    Those of a series' first scoring are left out, as people are not told of events in them. An event counts once, by its
    beginning; silences do not count, as they use none of the rate, nor do events that another one has taken in.
    """
    import pandas as pd

    from forecaster.evaluation.alarm_rate import AlarmRate, alarm_rates

    found: dict[str, list[AlarmRate]] = {}
    for grid in checked.grids:
        begin, rate = _begin(one, grid) if since is None else since, _rate(one, grid)
        together = pd.Timedelta(_STEPS_TOGETHER * grid.frequency.micros, "us")
        for some in parts(grid):
            scores = _scores(app, one, some, begin)
            for version, own in alarm_rates(scores, _events(app, one, some, scores, begin), rate, together).items():
                found.setdefault(version, []).append(own)
    return {version: AlarmRate.joined(every) for version, every in found.items()}


def _begin(one: "Pipeline", grid: "Grid") -> datetime:
    """The time from which on the rate can be judged, but no sooner than forecasts are."""
    enough = math.ceil(_ASKED / _rate(one, grid) / grid.series)
    return steps_back(grid, max(HORIZONS * one.horizon, min(enough, int(grid.lengths.max()))))


def _rate(one: "Pipeline", grid: "Grid") -> float:
    from forecaster.scoring.rate import alarms_per_row

    return alarms_per_row(one.false_alarms, grid.frequency)


def _scores(app: "App", one: "Pipeline", grid: "Grid", begin: datetime) -> "pd.DataFrame":
    """Rows with a score by the pipeline, but for those of the first scoring of their series."""
    names = grid.unique_id.tolist()
    wanted = ["unique_id", "ds", "model_version", "as_of", "run_id", "p_value"]
    rows = own_rows(app, one, app.lake.read("scores", series=names, since=begin, only=wanted))
    first = rows["unique_id"].map(app.lake.first_known("scores", names))
    return rows[rows["p_value"].notna() & (rows["as_of"] > first)]


def _events(app: "App", one: "Pipeline", grid: "Grid", scores: "pd.DataFrame", begin: datetime) -> "pd.DataFrame":
    """Events that began in these rows, with the version that scored the row."""
    from forecaster.scoring.events import SILENT

    events = app.ledger.events.find(pipeline=one.name, series_ids=grid.unique_id.tolist(), since=begin)
    own = events[(events["direction"] != SILENT) & events["parent_id"].isna()]
    own = own[["unique_id", "start", "state"]].astype({"start": scores["ds"].dtype})
    return own.merge(scores, left_on=["unique_id", "start"], right_on=["unique_id", "ds"])
