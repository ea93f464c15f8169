"""The door to a leaderboard: its table, its file, and its runs in a project."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions.leaderboard import leaderboard
from forecaster.errors import ConfigError
from forecaster.models.drift import Drift

ASKED = {"horizon": 3, "models": ["best_naive", "drift"], "test_size": 40, "stride": 5}


@pytest.fixture
def file(tmp_path: Path, hourly: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    hourly.to_csv(tmp_path / "meters.csv", index=False)
    return tmp_path / "meters.csv"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_leaderboard_is_a_file(file: Path, tmp_path: Path, kind: str) -> None:
    """A row a model in the table's order; metrics by series and by step, as a backtest has them; the report."""
    out, by_series, by_horizon = (tmp_path / name for name in (f"out.{kind}", "series.csv", "steps.csv"))
    outcome = leaderboard(file, out=out, by_series=by_series, by_horizon=by_horizon, **ASKED)
    rows = pd.read_csv(out) if kind == "csv" else pd.read_parquet(out)
    assert outcome.table is not None
    assert rows["model"].tolist() == outcome.table.index.tolist()
    assert {"mase", "of_naive", "of_naive_low", "beside_best", "training_s", "weights", "owa"} < set(rows.columns)
    assert set(pd.read_csv(by_series)["model"]) == set(pd.read_csv(by_horizon)["model"]) == set(rows["model"])
    report = json.loads(Path(f"{out}.report.json").read_text())
    assert report["scores"]["drift"]["mase"] == pytest.approx(rows.set_index("model").loc["drift", "mase"])
    assert set(report["plans"]) == set(rows["model"])
    best = rows["model"][0]
    said = "no model is better than seasonal naive" if best == "seasonal_naive" else f"{best}: MASE"
    assert said in " ".join(outcome.lines)
    last = leaderboard(file, out=out, **{**ASKED, "models": ["drift"]})
    assert "no model is better than seasonal naive" in last.lines


def test_a_model_that_fails_is_a_row_with_its_reason(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted as skipped, so that the command ends with 3."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Drift, "decode", broken)
    outcome = leaderboard(file, out=tmp_path / "out.csv", **ASKED)
    last = pd.read_csv(tmp_path / "out.csv").iloc[-1]
    assert (last["model"], last["failed"]) == ("drift", "RuntimeError: boom")
    assert outcome.skipped == 1
    assert "skip: model drift: RuntimeError: boom" in outcome.lines


def test_nothing_is_written_where_a_name_is_wrong(file: Path, tmp_path: Path) -> None:
    """Nor is anything trained."""
    for wrong in ({"models": ["lsmt"]}, {"by": "mese"}, {"project": tmp_path / "none.toml"}):
        with pytest.raises(ConfigError):
            leaderboard(file, out=tmp_path / "out.csv", **{**ASKED, **wrong})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["meters.csv"]


def test_a_project_keeps_a_run_for_each_model(
    file: Path, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the experiment of the data set, with all metrics; one that failed is a failed run."""
    decode = Drift.decode
    monkeypatch.setattr(Drift, "decode", lambda *_: 1 / 0)
    outcome = leaderboard(file, out=tmp_path / "out.csv", **ASKED)  # the project file is in the folder
    assert any("experiment leaderboard/meters" in line for line in outcome.lines)
    folder = tmp_path / ".forecaster" / "runs" / "leaderboard-meters"
    runs = [[json.loads(line) for line in path.read_text().splitlines()] for path in folder.glob("*.jsonl")]
    ends = {run[0]["name"]: run[-1]["status"] for run in runs}
    assert ends == {"best_naive": "done", "seasonal_naive": "done", "drift": "failed"}
    best = next(run for run in runs if run[0]["name"] == "best_naive")
    metrics = next(line["values"] for line in best if line["kind"] == "metrics")
    assert metrics["mase"] == pytest.approx(
        pd.read_csv(tmp_path / "out.csv").set_index("model").loc["best_naive", "mase"]
    )
    assert {"place", "of_naive", "training_s", "weights"} < set(metrics)
    monkeypatch.setattr(Drift, "decode", decode)
    leaderboard(file, out=tmp_path / "out.csv", project=project, data_set="other", **ASKED)
    assert len(list((tmp_path / ".forecaster" / "runs" / "leaderboard-other").glob("*.jsonl"))) == 3


def test_runs_of_a_leaderboard_stand_in_mlflow(file: Path, project: Path, tmp_path: Path) -> None:
    """One experiment a data set, whose runs order by a metric."""
    mlflow = pytest.importorskip("mlflow")
    text = project.read_text().replace('"jsonl_tracking"', '"mlflow_tracking"')
    project.write_text(text.replace('".forecaster/runs"', '"sqlite:///.forecaster/mlflow.db"'))
    (tmp_path / ".forecaster").mkdir(exist_ok=True)
    outcome = leaderboard(file, out=tmp_path / "out.csv", project=project, **ASKED)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/.forecaster/mlflow.db")
    experiment = client.get_experiment_by_name("leaderboard/meters")
    runs = client.search_runs([experiment.experiment_id], order_by=["metrics.mase ASC"])
    assert outcome.table is not None
    np.testing.assert_allclose([run.data.metrics["mase"] for run in runs], outcome.table["mase"])
    assert {run.info.run_name for run in runs} == set(outcome.table.index)
    assert runs[0].data.params["horizon"] == "3"
    assert runs[0].inputs.dataset_inputs[0].dataset.name == "meters"
