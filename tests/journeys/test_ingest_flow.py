"""What the flow of a source tells people, and what it never tells."""

import json
from pathlib import Path

import pandas as pd
import pytest

from forecaster.app import App
from forecaster.series import synthetic
from tests.standins.base import SECRET, Fault
from tests.standins.tiingo import Tiingo

VALUE = "hunter2hunter2"


def _remembered() -> dict[str, str]:
    """Everything that Prefect has of runs: their parameters, inputs and logs, and the artefacts."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = {"flows": client.read_flow_runs(), "tasks": client.read_task_runs()}
        told = {name: json.dumps([run.model_dump(mode="json") for run in runs]) for name, runs in found.items()}
        for name in ("logs", "artifacts"):
            told[name] = client._client.post(f"/{name}/filter", json={}).text
    return told


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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
