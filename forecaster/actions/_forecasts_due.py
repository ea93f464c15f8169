"""The stored forecasts of a pipeline whose times have come, by model version."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from forecaster.actions._lookback import HORIZONS, parts, steps_back
from forecaster.actions._own_rows import own_rows

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.evaluation.matured import Matured
    from forecaster.series.frame import Checked
    from forecaster.series.grid import Grid
    from forecaster.settings import Pipeline

__all__ = ["forecasts_due"]


def forecasts_due(app: "App", one: "Pipeline", checked: "Checked", since: datetime | None) -> "dict[str, Matured]":
    """What came of the forecasts of each version."""
    from forecaster.evaluation.matured import Matured

    found: dict[str, list[Matured]] = defaultdict(list)
    for some in (part for grid in checked.grids for part in parts(grid)):
        for version, judged in _judged(app, one, some, since):
            found[version].append(judged)
    return {version: Matured.joined(every) for version, every in found.items()}


def _judged(app: "App", one: "Pipeline", grid: "Grid", since: datetime | None) -> "Iterator[tuple[str, Matured]]":
    """Each version with what came of its forecasts of these series, where any value is known."""
    from forecaster.evaluation.matured import matured

    for version, own in _forecasts(app, one, grid, since).groupby("model_version", sort=False):
        judged = matured(grid, own, one.season)
        if judged is not None and judged.values:
            yield str(version), judged


def _forecasts(app: "App", one: "Pipeline", grid: "Grid", since: datetime | None) -> "pd.DataFrame":
    """The last forecasts of each version from each cutoff from `since` on."""
    from forecaster.columns import QUANTILES

    since = steps_back(grid, HORIZONS * one.horizon) if since is None else since
    wanted = ["unique_id", "ds", "cutoff", "model_version", "as_of", "run_id", *QUANTILES]
    rows = app.lake.read("forecasts", series=grid.unique_id.tolist(), since=since, latest=False, only=wanted)
    rows = own_rows(app, one, rows[rows["cutoff"] >= since]).sort_values("as_of", kind="stable")
    return rows.drop_duplicates(["unique_id", "cutoff", "ds", "model_version"], keep="last")
