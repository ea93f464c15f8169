"""Source to champion, and schedule to people, by the real flows with no server: Prefect's own, MLflow on SQLite."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from forecaster.actions.query import query
from forecaster.actions.report import report
from forecaster.app import App
from forecaster.registry.base import CHAMPION
from forecaster.series import synthetic

PROJECT = """
name = "journey"

[pipelines.meters]
source = "files"
options = { path = "DATA/*.csv", unit = "kWh" }
horizon = 6
season = [24]
settings = { steps = 60, size = "s", rows = 8, stretch = 64 }
false_alarms = "1/series-week"
alerts = ["jsonl"]

[alerts.jsonl]
path = "alerts.jsonl"
"""


def _write(folder: Path, rows: int, jump_at: int | None = None) -> None:
    """Two meters, as far as they have been read."""
    frame = synthetic.seasonal(2, 700, noise=0.2, seed=2)
    if jump_at is not None:
        frame.loc[jump_at : jump_at + 2, "y"] += 25
    head = frame.groupby("unique_id").head(rows)
    head.to_csv(folder / "meters.csv", index=False)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_road_from_a_source_to_people(prefect: None, tmp_path: Path) -> None:
    """Ingest, train, backtest, register, promote, forecast, detect, tell; again, with news and without."""
    from flows.ingest import ingest
    from flows.score import score
    from flows.train import train

    data, path = tmp_path / "data", tmp_path / "forecaster.toml"
    data.mkdir()
    path.write_text(PROJECT.replace("DATA", str(data)))
    _write(data, 600)
    assert ingest("meters", str(path)) == 1200
    train("meters", str(path))
    app = App.open(path)
    champion = app.registry.resolve("meters", CHAMPION)
    assert champion is not None
    assert "beats seasonal naive" in champion.tags["promoted_because"]
    model = champion.tags["model"]
    assert float(champion.tags[f"{model}_mase"]) < float(champion.tags["seasonal_naive_mase"])

    score("meters", str(path))
    forecasts = app.lake.read("forecasts")
    assert len(forecasts) == 12
    assert set(forecasts["model_version"]) == {champion.version}
    scored = len(app.lake.read("scores"))
    assert scored == 2 * 120, "the last fifth, which the rehearsal never saw"
    assert not (tmp_path / "alerts.jsonl").exists(), "what a first look back finds is no news"

    score("meters", str(path))
    assert len(app.lake.read("forecasts", latest=False)) == 12, "running it twice changes nothing"
    assert len(app.lake.read("scores", latest=False)) == scored

    before = set(app.ledger.events.find()["event_id"])
    _write(data, 640, jump_at=620)
    score("meters", str(path))
    assert len(app.lake.read("scores")) == scored + 80
    events = app.ledger.events.find(series_ids=["s0"])
    news = events[~events["event_id"].isin(before)]
    jump = pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=620)
    assert jump in news["start"].tolist()
    told = [json.loads(line) for line in (tmp_path / "alerts.jsonl").read_text().splitlines()]
    assert {event["event_id"] for event in told} == set(app.ledger.events.find()["event_id"]) - before
    assert app.ledger.events.find(pipeline="meters").set_index("event_id")["notified_at"].notna()[told[0]["event_id"]]
    score("meters", str(path))
    assert len((tmp_path / "alerts.jsonl").read_text().splitlines()) == len(told), "nobody is told twice"

    as_of = champion.tags["as_of"]
    assert query("observations", as_of=as_of, format="csv", app=app).text.count("\n") == 1201
    assert len(app.lake.read("forecasts")) == 2 * (6 + 6), "of two cutoffs"
    outcome = report(out=tmp_path / "report.html", app=app)
    assert "https://" not in (tmp_path / "report.html").read_text().split("<script")[0]
    assert {row["series"] for row in outcome.facts["series"]} == {"s0", "s1"}

    train("meters", str(path))
    decision = app.ledger.find_runs(verb="promote", limit=1).iloc[0]["facts"]
    assert {"challenger", "seasonal_naive", "champion"} == set(decision["scores"])

    mlflow.set_tracking_uri(app.settings.tracking_uri)
    loaded = mlflow.pyfunc.load_model(f"models:/meters/{champion.version}")
    history = app.lake.read("observations", as_of=pd.Timestamp(as_of).to_pydatetime())[["unique_id", "ds", "y"]]
    rows = loaded.predict(history.assign(ds=history["ds"].dt.tz_localize(None)), params={"horizon": 6})
    np.testing.assert_allclose(rows["q0.5"], forecasts.sort_values(["unique_id", "ds"])["q0.5"], rtol=1e-4)
    tracked = mlflow.MlflowClient().search_runs([mlflow.get_experiment_by_name("meters").experiment_id])
    shown = {f.path for f in mlflow.MlflowClient().list_artifacts(tracked[0].info.run_id, "figures")}
    assert "figures/forecast.html" in shown
    assert tracked[0].inputs.dataset_inputs


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_challenger_that_loses_to_naive_does_not_serve(prefect: None, tmp_path: Path) -> None:
    """Where nothing serves yet, seasonal naive does; a hand may still choose."""
    from flows.ingest import ingest
    from flows.score import score
    from flows.train import train
    from forecaster.actions.promote import promote

    data, path = tmp_path / "data", tmp_path / "forecaster.toml"
    data.mkdir()
    path.write_text(PROJECT.replace("DATA", str(data)).replace("steps = 60", "steps = 1, lr = 1.0"))
    frame = synthetic.seasonal(2, 400, noise=0.0)
    frame.to_csv(data / "meters.csv", index=False)
    ingest("meters", str(path))
    train("meters", str(path))
    app = App.open(path)
    champion = app.registry.resolve("meters", CHAMPION)
    assert champion is not None
    assert champion.tags["model"] == "seasonal_naive"
    score("meters", str(path))
    assert set(app.lake.read("forecasts")["model"]) == {"seasonal_naive"}
    promote("meters", version="1", app=app)
    assert app.registry.resolve("meters", CHAMPION).version == "1"
