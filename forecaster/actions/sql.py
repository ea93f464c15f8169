"""Run an SQL query on the stored data, read-only."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from forecaster.actions.base import Outcome, rendered

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["sql"]


def sql(
    query: Annotated[str, "A single SELECT statement, in DuckDB's dialect of SQL."],
    *,
    format: Annotated[Literal["table", "csv", "json", "parquet"], "Format of the output."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """Run an SQL query on the stored data, read-only.

    Tables: observations, forecasts, scores (the latest row of each series and time); observations_all,
    forecasts_all, scores_all (all rows, also replaced ones); quarantine (refused rows); series, slices, runs,
    events, labels; models (the registered versions, as in `query models`). A query can read no other files, and can
    change nothing.

    Times of scores, forecasts and events are those of the series' steps. Where readings come some seconds beside them, join by
    the nearest time: `observations o ASOF JOIN scores s ON o.unique_id = s.unique_id AND o.ds >= s.ds`.
    """
    from forecaster.actions._model_versions import model_versions
    from forecaster.store.sql import select

    further = {"models": lambda: model_versions(app, None)}
    return rendered(select(app.lake, app.ledger, query, further), format, out)
