"""A pipeline of which more is wanted than its champion was trained for: another step, another horizon."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic
from tests.meters import METERS

PROJECT = (
    METERS
    + """
model = "best_naive"
detector = "ewma"
"""
)
HOURS = synthetic.seasonal(2, 300, noise=0.2)


@pytest.fixture
def app(tmp_path: Path) -> App:
    """A project whose champion was trained on hours."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(PROJECT.replace("DATA", str(data)))
    opened = App.open(path)
    HOURS.to_csv(data / "hours.csv", index=False)
    ingest("meters", app=opened)
    train("meters", app=opened)
    promote("meters", version="1", app=opened)
    return opened


@pytest.mark.slow
def test_series_of_another_step_stop_no_scoring_and_no_promotion(app: App, tmp_path: Path) -> None:
    """The champion goes on with what it knows; its successor is held against it and, on days, against naive."""
    days = synthetic.seasonal(1, 120, step="D", season=7, noise=0.2).assign(unique_id="a day")
    pd.concat([days, HOURS]).to_csv(tmp_path / "data" / "hours.csv", index=False)
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


@pytest.mark.slow
def test_a_horizon_that_waits_for_a_training_is_told_when_the_champion_scores(app: App, tmp_path: Path) -> None:
    """Forecasts of the champion's length alone would look as if the settings had been heeded."""
    watch = RecordingWatch()
    score("meters", app=app, watch=watch)
    assert not any("the settings ask for" in line for line in watch.lines)

    path, had = tmp_path / "forecaster.toml", app.settings.pipelines["meters"].horizon
    path.write_text(path.read_text().replace(f"horizon = {had}\n", f"horizon = {had + 6}\n"))
    score("meters", app=App.open(path), watch=watch)
    assert f"forecasts {had} steps, the settings ask for {had + 6}" in watch.lines[-1]
    assert watch.lines[-1].endswith("forecaster train meters")
