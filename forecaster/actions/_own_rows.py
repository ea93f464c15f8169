"""Which stored forecasts and scores are a pipeline's own, where its series were another one's before."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["own_rows"]


def own_rows(app: "App", one: "Pipeline", rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows but for those that runs of other pipelines stored: the versions of each name are counted from 1.

    Missing: rows of a run that the ledger does not know are taken for the pipeline's own
    """
    if rows.empty:
        return rows
    runs = app.ledger.find_runs(verb="score", ids=rows["run_id"].dropna().unique().tolist())
    return rows[~rows["run_id"].isin(runs.loc[runs["pipeline"] != one.name, "run_id"])]
