"""The flows as Prefect runs them, on a server of its own: a source's rows on their way to people, and what people are told."""

import json
from collections.abc import Iterator
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
from tests.doors.test_monitor import Project, wilder
from tests.standins.base import SECRET, Fault
from tests.standins.tiingo import Tiingo

pytestmark = pytest.mark.slow

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
VALUE = "hunter2hunter2"


@pytest.fixture(scope="module")
def prefect() -> Iterator[None]:
    """One server for all flows, its runs without heartbeats: each would cost a second."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    with (
        prefect_test_harness(server_startup_timeout=120),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


def _write(folder: Path, rows: int, jump_at: int | None = None) -> None:
    """Two meters, as far as they have been read."""
    frame = synthetic.seasonal(2, 700, noise=0.2, seed=2)
    if jump_at is not None:
        frame.loc[jump_at : jump_at + 2, "y"] += 25
    head = frame.groupby("unique_id").head(rows)
    head.to_csv(folder / "meters.csv", index=False)


def _remembered() -> dict[str, str]:
    """Everything that Prefect has of runs: their parameters, inputs and logs, and the artefacts."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = {"flows": client.read_flow_runs(), "tasks": client.read_task_runs()}
        told = {name: json.dumps([run.model_dump(mode="json") for run in runs]) for name, runs in found.items()}
        for name in ("logs", "artifacts"):
            told[name] = client._client.post(f"/{name}/filter", json={}).text
    return told


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


@pytest.mark.timeout(600)
def test_a_worse_champion_is_replaced(prefect: None, tmp_path: Path) -> None:
    """The series' season ends: first it is only told, then with `retrain` another version is trained, and judged."""
    from flows.monitor import monitor

    project = Project(tmp_path)
    project.train()
    project.go_on(wilder)
    file = project.folder / "forecaster.toml"
    monitor("meters", str(file))
    assert len(project.app.registry.versions("meters")) == 1
    file.write_text(file.read_text().replace('alerts = ["jsonl"]', 'alerts = ["jsonl"]\nretrain = true'))
    monitor("meters", str(file))
    assert len(project.app.registry.versions("meters")) == 2
    assert project.app.ledger.find_runs(verb="promote", limit=1)["status"].tolist() == ["done"]


def test_prefect_never_learns_a_secret(prefect: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters, task inputs, logs and artefacts have its name at most, though the source says it in its errors."""
    from flows.ingest import ingest

    monkeypatch.setenv(SECRET, VALUE)
    with Tiingo(tmp_path) as source:
        source.weight_limit = (1e6, 3600.0)
        ds = pd.date_range("2024-01-02", periods=2, tz="UTC", unit="us")
        source.put(pd.DataFrame({"unique_id": "AAPL/close", "ds": ds, "y": [1.0, 2.0]}))
        options = ", ".join(f"{name} = {json.dumps(value)}" for name, value in source.settings().items())
        path = tmp_path / "forecaster.toml"
        path.write_text(f'[pipelines.shares]\nsource = "tiingo"\noptions = {{ {options} }}\nhorizon = 2\n')
        assert ingest("shares", str(path), until="2024-02-01") == 2
        source.fault(*[Fault(403, body=f"no such token {VALUE}")] * 9)
        with pytest.raises(Exception, match="parts of 'shares' failed"):
            ingest("shares", str(path), since="2023-01-01", until="2024-02-01", again=True)
    told = _remembered()
    assert "shares" in told["flows"]
    assert "take-part" in told["tasks"]
    assert "***" in told["logs"] + told["artifacts"] + told["tasks"], "the source's words came, without the secret"
    assert not [name for name, text in told.items() if VALUE in text]


def test_quality_is_reported_also_without_news(prefect: None, project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A source that fell silent has none: the artefact and the run's log name the series all the same."""
    from flows.ingest import ingest

    project.write_text(project.read_text() + '\n[pipelines.meters.contract]\nstale = "2D"\n')
    (project.parent / "data" / "a.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-02,2\n")
    assert ingest("meters", str(project)) == 2
    caplog.clear()
    assert ingest("meters", str(project)) == 0
    assert "series 'a' of pipeline 'meters': nothing for " in caplog.text
    assert len(App.open(project).lake.read("observations")) == 2
    assert "quality-meters" in _remembered()["artifacts"]


def test_a_source_that_fails_keeps_no_scoring_from_looking(prefect: None, project: Path) -> None:
    """What is there is scored, and the run has failed all the same."""
    from flows.score import score
    from forecaster.actions.ingest import ingest
    from forecaster.actions.promote import promote
    from forecaster.actions.train import train

    text = project.read_text().replace("horizon = 6", 'horizon = 6\nmodel = "seasonal_naive"\ndetector = "ewma"')
    project.write_text("".join(line + "\n" for line in text.splitlines() if not line.startswith("settings")))
    data = project.parent / "data"
    synthetic.seasonal(1, 200, noise=0.2).to_csv(data / "a.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    train(app=app)
    promote("meters", version="1", app=app)
    (data / "b.csv").write_text("no,column,of,ours\n1,2,3,4\n")
    with pytest.raises(Exception, match="1 of 1 parts of 'meters' failed"):
        score("meters", str(project))
    assert len(app.lake.read("forecasts")) == 6
