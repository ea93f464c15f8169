"""A pipeline whose settings ask for another horizon than its champion was trained for."""

from pathlib import Path

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


@pytest.mark.slow
def test_a_horizon_that_waits_for_a_training_is_told_when_the_champion_scores(tmp_path: Path) -> None:
    """Forecasts of the champion's length alone would look as if the settings had been heeded."""
    path, data, watch = tmp_path / "forecaster.toml", tmp_path / "data", RecordingWatch()
    data.mkdir()
    path.write_text(PROJECT.replace("DATA", str(data)))
    app = App.open(path)
    synthetic.seasonal(2, 300, noise=0.2).to_csv(data / "hours.csv", index=False)
    ingest("meters", app=app)
    train("meters", app=app)
    promote("meters", version="1", app=app)
    score("meters", app=app, watch=watch)
    assert not any("the settings ask for" in line for line in watch.lines)

    had = app.settings.pipelines["meters"].horizon
    path.write_text(path.read_text().replace(f"horizon = {had}\n", f"horizon = {had + 6}\n"))
    score("meters", app=App.open(path), watch=watch)
    assert f"forecasts {had} steps, the settings ask for {had + 6}" in watch.lines[-1]
    assert watch.lines[-1].endswith("forecaster train meters")
