"""Alarms are counted beside those asked for: on the command's table, in the ledger, by alerts."""

import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from plotly.utils import PlotlyJSONEncoder

from dashboards.models_table import models_table
from forecaster.actions.ingest import ingest
from forecaster.actions.label import label
from forecaster.actions.monitor import monitor
from forecaster.actions.promote import promote
from forecaster.actions.query import query
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.client import Client
from forecaster.columns import SCORES
from forecaster.query_tables import QUERY_TABLES
from forecaster.serving import rest
from tests.meters import TOLD_METERS

PROJECT = TOLD_METERS.replace("DATA", "data").replace("RULES", '{}\nfalse_alarms = "1/100-rows"')
TRAINED, LAST, SERIES = 400, 600, 8
MANY = range(TRAINED, LAST, 30)
"""Rows in which each series begins an event: seven in two hundred rows, of which two are asked for."""


class Project:
    """Noise around a level, and a champion that looks for anomalies in what comes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.app = folder, App.open(folder / "forecaster.toml")

    def read(self, rows: int) -> None:
        """Take in the first rows of each series."""
        y_ST = np.random.default_rng(1).standard_normal((SERIES, LAST))
        ds = pd.date_range("2024-01-01", periods=LAST, freq="h")[:rows]
        parts = [pd.DataFrame({"unique_id": f"s{s}", "ds": ds, "y": y_T[:rows]}) for s, y_T in enumerate(y_ST)]
        pd.concat(parts).to_csv(self.folder / "data" / "meters.csv", index=False)
        ingest(app=self.app)

    def find(self, rows: Sequence[int]) -> None:
        """All rows come and are scored, and in each series an event is found in each of some rows."""
        self.read(LAST)
        scores = self.app.lake.read("observations")[["unique_id", "ds", "y"]].reindex(columns=SCORES.names)
        scores = scores[scores.groupby("unique_id").cumcount() >= TRAINED]
        made_by = {"model": "seasonal_naive", "model_version": "1", "run_id": "run"}
        self.app.lake.append("scores", scores.assign(p_value=0.5, is_anomaly=False, as_of=datetime.now(UTC), **made_by))
        begun = scores[scores.groupby("unique_id").cumcount().add(TRAINED).isin(rows)]
        known = {
            "pipeline": "meters",
            "direction": "up",
            "severity": 3.0,
            "to_tell": False,
            "is_open": False,
            **made_by,
        }
        events = [
            {"event_id": f"{name}@{at}", "unique_id": name, "start": at, "peak": at, "end": at, **known}
            for name, at in zip(begun["unique_id"], begun["ds"].dt.to_pydatetime(), strict=True)
        ]
        self.app.ledger.events.put(events)

    @property
    def told(self) -> list[str]:
        """What people were told of models."""
        file = self.folder / "alerts.jsonl"
        lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        return [line["worse"] for line in lines if "worse" in line]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project whose champion has scored the rows that came before it."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "data").mkdir()
    (folder / "forecaster.toml").write_text(PROJECT)
    project = Project(folder)
    project.read(TRAINED)
    train(app=project.app)
    promote("meters", version="1", app=project.app)
    score(app=project.app)
    return folder


@pytest.fixture
def running(trained: Path, tmp_path: Path) -> Project:
    """One for each test."""
    return Project(Path(shutil.copytree(trained, tmp_path / "project")))


@pytest.mark.slow
def test_what_was_raised_is_counted(running: Project) -> None:
    """Events and rows as scoring stored them; not those of the first scoring, as people were not told of events there."""
    assert monitor(app=running.app).facts["monitored"] == []
    for rows in (TRAINED + 100, LAST):
        running.read(rows)
        score(app=running.app)
    (row,) = monitor(app=running.app).facts["monitored"]
    begun = running.app.ledger.events.find(pipeline="meters")["start"]
    assert row["events"] == (begun >= pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(TRAINED, "h")).sum() > 0
    assert (row["rows"], row["asked_per_1000"]) == (SERIES * (LAST - TRAINED), pytest.approx(10))
    assert row["false_low"] < row["false_per_1000"] < row["false_high"]
    (later,) = monitor(app=running.app, since="2024-01-25").facts["monitored"]
    assert later["rows"] == SERIES * (LAST - 24 * 24)


@pytest.mark.slow
def test_alarms_that_keep_their_rate_are_left_alone(running: Project) -> None:
    """As many events as asked for, or none; silences and events that others took in use none of the rate."""
    running.find([450, 550])
    outcome = monitor(app=running.app)
    (row,) = outcome.facts["monitored"]
    assert (row["alarm_verdict"], row["too_many"], row["events"]) == ("as asked", False, 2 * SERIES)
    assert outcome.lines == running.told == []
    assert outcome.table is not None
    shown = [name for name in QUERY_TABLES["performance"].shown if name != "at"]
    assert outcome.table.columns[: len(shown)].tolist() == shown
    events = running.app.ledger.events
    one, other = events.find(pipeline="meters").head(2).to_dict("records")
    events.put([{"event_id": one["event_id"], "direction": "silent"}])
    events.relate("parent_id", {other["event_id"]: one["event_id"]})
    assert monitor(app=running.app).facts["monitored"][0]["events"] == 2 * SERIES - 2


@pytest.mark.slow
def test_people_are_told_of_too_many_events_once(running: Project) -> None:
    """Once, and not by each run; what they then call true no longer counts."""
    running.find(MANY)
    outcome = monitor(app=running.app)
    (row,) = outcome.facts["monitored"]
    assert row["too_many"]
    assert row["false_low"] > 1.5 * row["asked_per_1000"]
    (said,) = running.told
    assert said.startswith(f"{row['alarm_verdict']}; most in s0 (7), s1 (7), s2 (7). ")
    assert outcome.lines == [f"meters: version 1 raises {said}"]
    monitor(app=running.app)
    assert running.told == [said]
    for event in running.app.ledger.events.find(pipeline="meters")["event_id"]:
        label(event, as_="confirmed", by="ann", app=running.app)
    (after,) = monitor(app=running.app).facts["monitored"]
    assert (after["true_events"], after["alarm_verdict"]) == (row["events"], "as asked")


@pytest.mark.slow
def test_what_could_not_be_told_is_told_by_the_next_run(running: Project) -> None:
    """And the command says so."""
    running.find(MANY)
    file = running.folder / "alerts.jsonl"
    file.unlink(missing_ok=True)
    file.mkdir()
    assert "alert 'jsonl'" in monitor(app=running.app).lines[-1]
    file.rmdir()
    monitor(app=running.app)
    assert len(running.told) == 1


@pytest.mark.slow
def test_alarms_are_seen_wherever_forecasts_are(running: Project) -> None:
    """`query performance`, the client, the tracker, and the page of who is on duty."""
    running.find(MANY)
    (row,) = monitor(app=running.app).facts["monitored"]
    table = query("performance", app=running.app).table
    assert table is not None
    assert table["alarm_verdict"].tolist() == [row["alarm_verdict"]]
    with Client() as client:
        client._http = TestClient(rest.create(running.app))
        (served,) = client.performance(pipeline="meters").to_dict("records")
        text = json.dumps(models_table(client, datetime.now(UTC)), cls=PlotlyJSONEncoder)
    assert (served["too_many"], served["false_per_1000"]) == (True, pytest.approx(row["false_per_1000"]))
    assert row["alarm_verdict"] in text
    assert "35, 10 asked for" in text
    runs = running.folder / ".forecaster" / "runs" / "meters"
    written = "".join(file.read_text() for file in runs.glob("*.jsonl"))
    assert "alarms/false_per_1000" in written
    assert row["alarm_verdict"] in written
    assert list(runs.rglob("*alarms-by-series*"))
