"""Forecasts are judged once their times have come: on the command's table, in the ledger, by alerts."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient
from plotly.utils import PlotlyJSONEncoder

from dashboards.models_table import models_table
from forecaster.actions.ingest import ingest
from forecaster.actions.monitor import monitor
from forecaster.actions.promote import promote
from forecaster.actions.query import query
from forecaster.actions.score import score
from forecaster.actions.sql import sql
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from forecaster.serving import rest
from tests.meters import METERS

PROJECT = (
    METERS
    + """
model = "lstm"
detector = "ewma"
settings = { steps = 60, size = "s", validations = 3, rows = 16, stretch = 64 }
alerts = ["jsonl"]

[alerts.jsonl]
path = "alerts.jsonl"
"""
)
TRAINED = 400


def wilder(y: pd.Series) -> pd.Series:
    """The same values times three, in random order: no season is left."""
    return 3 * pd.Series(np.random.default_rng(1).permutation(y), y.index)


class Project:
    """A source that goes on, and a champion that forecasts it."""

    def __init__(self, folder: Path) -> None:
        (folder / "data").mkdir()
        (folder / "forecaster.toml").write_text(PROJECT.replace("DATA", str(folder / "data")))
        self.folder, self.app = folder, App.open(folder / "forecaster.toml")
        self.frame = synthetic.seasonal(3, 700, noise=0.3, seed=2)

    def read(self, rows: int) -> None:
        """Take in the first rows of each series."""
        self.frame.groupby("unique_id").head(rows).to_csv(self.folder / "data" / "meters.csv", index=False)
        ingest(app=self.app)

    def train(self) -> None:
        """A champion of the first rows."""
        self.read(TRAINED)
        train(app=self.app)
        promote("meters", version="1", app=self.app)

    def go_on(self, change: Callable[[pd.Series], pd.Series] = lambda y: y, hours: int = 6) -> None:
        """A week passes, in which the series may change; every so many hours they are forecast."""
        late = self.frame.groupby("unique_id").cumcount() >= TRAINED
        self.frame.loc[late, "y"] = self.frame[late].groupby("unique_id")["y"].transform(change)
        for rows in range(TRAINED, TRAINED + 169, hours):
            self.read(rows)
            score(app=self.app)

    @property
    def told(self) -> list[str]:
        """What people were told of models."""
        file = self.folder / "alerts.jsonl"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line)["worse"] for line in lines if "worse" in json.loads(line)]


@pytest.fixture
def running(tmp_path: Path) -> Project:
    """A project with a champion."""
    project = Project(tmp_path)
    project.train()
    return project


@pytest.mark.slow
def test_a_champion_that_keeps_its_promise_is_left_alone(running: Project) -> None:
    """Its numbers are shown and recorded, in the ledger and in the tracker; a later version is judged by forecasts of its own,
    beside it, and `since` leaves earlier cutoffs out."""
    running.go_on(hours=12)
    outcome = monitor("meters", app=running.app)
    assert outcome.table is not None
    (row,) = outcome.facts["monitored"]
    assert (row["version"], row["serves"], row["worse"], row["verdict"]) == ("1", True, False, "as promised")
    assert row["values"] == 3 * 6 * 14
    assert row["mase"] < row["naive_mase"]
    assert 0.7 < row["coverage80"] < 0.9
    (run,) = running.app.ledger.find_runs(verb="monitor").to_dict("records")
    assert run["facts"]["versions"][0]["verdict"] == "as promised"
    assert run["model_version"] == "1"
    written = [file.read_text() for file in (running.folder / ".forecaster" / "runs" / "meters").glob("*.jsonl")]
    assert any("live/mase" in text for text in written)
    assert not running.told
    assert outcome.lines == []
    train(app=running.app)
    promote("meters", version="2", app=running.app)
    running.read(600)
    score(app=running.app)
    running.read(606)
    newest, older = monitor(app=running.app).facts["monitored"]
    assert (newest["version"], newest["serves"], newest["values"]) == ("2", True, 18)
    assert newest["verdict"] == "too few forecasts have come due for a verdict"
    assert (older["version"], older["serves"]) == ("1", False)
    (only,) = monitor(app=running.app, since="2024-01-25").facts["monitored"]
    assert only["version"] == "2"


def test_nothing_to_judge_is_no_error(tmp_path: Path) -> None:
    """Before the first scoring; without any row it is one, as for every verb."""
    project = Project(tmp_path)
    with pytest.raises(DataError, match="no observation yet"):
        monitor("meters", app=project.app)
    project.read(100)
    assert monitor("meters", app=project.app).facts["monitored"] == []
    with pytest.raises(ConfigError, match="--since: 'soon' is no time"):
        monitor(since="soon", app=project.app)


@pytest.mark.slow
def test_which_version_serves_is_seen_before_anything_was_judged(running: Project) -> None:
    """`query models`, the client, and the page of who is on duty."""
    train("meters", app=running.app)
    table = query("models", app=running.app).table
    assert table is not None
    assert table[["version", "role"]].values.tolist() == [["2", "challenger"], ["1", "champion"]]
    with Client() as client:
        client._http = TestClient(rest.create(running.app))
        newer, serving = client.models(pipeline="meters").to_dict("records")
        text = json.dumps(models_table(client, datetime.now(UTC)), cls=PlotlyJSONEncoder)
    assert serving["mase"] < serving["naive_mase"]
    assert serving["as_of"] <= newer["as_of"] <= datetime.now(UTC)
    assert serving["promoted_because"]
    assert pd.isna(newer["promoted_because"])
    asked = sql("select version, as_of from models where role = 'champion' and mase < naive_mase", app=running.app)
    assert asked.table is not None
    assert asked.table.values.tolist() == [["1", serving["as_of"]]]
    for words in ("lstm, version 1", f"promised {serving['mase'] / serving['naive_mase']:.2f}", "not yet"):
        assert words in text, words
    assert "version 2" not in text


@pytest.mark.slow
def test_versions_of_a_pipelines_name_before_are_not_its_own(running: Project) -> None:
    """Renamed, its models are counted from 1 again; what the first version of the old name forecast is not judged as the new one's."""
    for rows in (406, 412):
        running.read(rows)
        score(app=running.app)
    file = running.folder / "forecaster.toml"
    file.write_text(file.read_text().replace("[pipelines.meters]", "[pipelines.counters]"))
    running.app = App.open(file)
    running.read(450)
    train(app=running.app)
    promote("counters", version="1", app=running.app)
    for rows in (456, 462):
        running.read(rows)
        score(app=running.app)
    running.read(468)
    (row,) = monitor(app=running.app).facts["monitored"]
    assert (row["pipeline"], row["version"], row["values"]) == ("counters", "1", 3 * 2 * 6)
    assert row["rows"] == 3 * (462 - 412)


@pytest.mark.slow
def test_people_are_told_of_a_champion_that_has_become_worse(running: Project) -> None:
    """The season is gone and the series is wilder: worse than promised, whatever is to blame. It is seen by `query
    performance`, by the client, and on the page of who is on duty."""
    running.go_on(wilder)
    outcome = monitor(app=running.app)
    (found,) = outcome.facts["monitored"]
    assert found["worse"]
    assert outcome.lines == [f"meters: version 1 is {found['verdict']}"]
    assert running.told == [found["verdict"]]
    table = query("performance", app=running.app).table
    assert table is not None
    assert table["version"].tolist() == ["1"]
    with Client() as client:
        client._http = TestClient(rest.create(running.app))
        (row,) = client.performance(pipeline="meters").to_dict("records")
        text = json.dumps(models_table(client, datetime.now(UTC)), cls=PlotlyJSONEncoder)
    assert row["worse"]
    for words in ("promised", row["verdict"].split(":")[0]):
        assert words in text, words


def test_where_nothing_is_due_it_says_so(app: App) -> None:
    """A pipeline that has neither forecasts nor scores."""
    outcome = monitor(app=app)
    assert outcome.lines[0].startswith("meters: nothing to judge yet.")
    assert outcome.skipped == 0
