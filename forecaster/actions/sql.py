"""Ask the lake and the ledger in SQL, read-only."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from forecaster.actions.base import Outcome, rendered

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["sql"]


def sql(
    query: Annotated[str, "One SELECT statement, in DuckDB's SQL."],
    *,
    format: Annotated[Literal["table", "csv", "json", "parquet"], "How to show the rows."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """Ask the lake and the ledger in SQL, read-only.

    Views: observations, forecasts, scores (each the latest), observations_all, forecasts_all, scores_all, quarantine,
    series, slices, runs, events.
    """
    from forecaster.store.sql import select

    return rendered(select(app.lake, app.ledger, query), format, out)
