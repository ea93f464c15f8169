"""A pipeline that gets series of a step which its champion never saw."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.series import synthetic
from tests.meters import METERS

PROJECT = (
    METERS
    + """
model = "best_naive"
detector = "ewma"
"""
)


@pytest.mark.slow
def test_series_of_another_step_stop_no_scoring_and_no_promotion(tmp_path: Path) -> None:
    """The champion goes on with what it knows; its successor is held against it and, on days, against naive."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(PROJECT.replace("DATA", str(data)))
    app = App.open(path)
    hours = synthetic.seasonal(2, 300, noise=0.2)
    hours.to_csv(data / "hours.csv", index=False)
    ingest("meters", app=app)
    train("meters", app=app)
    promote("meters", version="1", app=app)
    days = synthetic.seasonal(1, 120, step="D", season=7, noise=0.2).assign(unique_id="a day")
    pd.concat([days, hours]).to_csv(data / "hours.csv", index=False)
    ingest("meters", app=app)

    score("meters", app=app)
    scored = app.lake.read("scores").groupby("unique_id").size()
    assert scored.to_dict() == {"s0": 60, "s1": 60}
    assert set(app.lake.read("forecasts")["unique_id"]) == {"s0", "s1"}

    train("meters", app=app)
    promote("meters", app=app)
    facts = app.ledger.find_runs(verb="promote", limit=1)["facts"].iloc[0]
    assert set(facts["scores"]) == {"challenger", "seasonal_naive", "champion"}
    assert facts["scores"]["champion"]["mase"] != facts["scores"]["seasonal_naive"]["mase"]
