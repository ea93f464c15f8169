"""A project whose pipelines read other series as covariates."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.serve import deployments
from forecaster.actions.check import check
from forecaster.actions.ingest import ingest
from forecaster.actions.monitor import monitor
from forecaster.actions.promote import promote
from forecaster.actions.query import query
from forecaster.actions.replay import replay
from forecaster.actions.report import report
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import ConfigError, DataError
from forecaster.progress import RecordingWatch
from tests.meters import SERVERLESS

HORIZON = 4
PROJECT = (
    SERVERLESS
    + """
[pipelines.weather]
source = "files"
options = { path = "weather.csv" }
horizon = 0
schedule = "every 1h"
[pipelines.sales]
source = "files"
options = { path = "north/sales.csv", id_column = "store", value_columns = ["sold", "promo"] }
horizon = 4
model = "gru"
detector = "residual"
settings = { size = "s", steps = STEPS }
COVARIATES
"""
)
COVARIATES = 'future = ["{entity}/promo"]\npast = ["paris/rain"]\nstatic = ["entity"]\n'


def _app(folder: Path, covariates: str = COVARIATES, steps: int = 80) -> App:
    path = folder / "forecaster.toml"
    path.write_text(PROJECT.replace("COVARIATES", covariates).replace("STEPS", str(steps)))
    return App.open(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Sales of two stores that a promotion doubles, with its plan for the next days, and the rain there."""
    rng, days = np.random.default_rng(0), pd.date_range("2024-01-01", periods=160 + HORIZON, freq="D")
    (tmp_path / "north").mkdir()
    stores = []
    for store in ("a", "b"):
        promo = (rng.random(len(days)) < 0.3).astype(float)
        promo[-HORIZON:] = [0, 1, 0, 1]
        sold = np.where(days < days[-HORIZON], 100 + 100 * promo + rng.normal(0, 2, len(days)), np.nan)
        stores.append(pd.DataFrame({"store": store, "ds": days, "sold": sold, "promo": promo}))
    pd.concat(stores).to_csv(tmp_path / "north/sales.csv", index=False)
    rain = pd.DataFrame({"unique_id": "paris/rain", "ds": days[:-HORIZON], "y": rng.random(160)})
    rain.to_csv(tmp_path / "weather.csv", index=False)
    return tmp_path


@pytest.mark.slow
def test_a_plan_for_the_next_days_is_in_the_forecasts(folder: Path) -> None:
    """Of sales, not of the plan or the rain; alarms, replays, reports and the monitor read the same."""
    app, watch = _app(folder), RecordingWatch()
    ingest(app=app)
    assert check(app=app, live=True).skipped == 0
    train(app=app, watch=watch)
    assert any("{entity}/promo: 328 of 328 values became known after their time" in line for line in watch.lines)
    decided = promote(app=app).facts["decisions"]
    assert [(row["pipeline"], row["champion"]) for row in decided] == [("sales", "1")]
    assert "beats seasonal naive" in decided[0]["reason"]
    watch = RecordingWatch()
    assert score(app=app, watch=watch).skipped == 0
    assert not any("note" in line or "reads" in line for line in watch.lines)
    found = app.lake.read("forecasts").pivot(index="ds", columns="unique_id", values="q0.5")
    assert found.columns.tolist() == ["a/sold", "b/sold"]
    assert (found.iloc[[1, 3]].min() > found.iloc[[0, 2]].max() + 5).all()
    assert set(app.lake.read("scores")["unique_id"]) == {"a/sold", "b/sold"}
    again = score(app=app).facts["scored"][0]
    assert (again["forecasts"], again["scores"]) == (0, 0)
    assert replay("sales", feedback=True, app=app).facts["rows"] > 0
    assert monitor(app=app).skipped == 0
    rows = report(out=folder / "report.html", app=app).facts["series"]
    assert [row["series"] for row in rows] == ["a/sold", "b/sold"]

    other = _app(folder, 'future = ["{entity}/promo"]\n', steps=4)
    score(app=other, watch=watch)
    said = "version 1 reads paris/rain, {entity}/promo, entity, the settings ask for {entity}/promo; a training follows"
    assert any(said in line for line in watch.lines)
    train(app=other)
    assert promote(app=other).facts["decisions"][0]["reason"]


def test_future_values_that_are_not_there_are_told(folder: Path) -> None:
    """By each scoring, since a plan that ends too soon makes forecasts worse."""
    path = folder / "north/sales.csv"
    rows = pd.read_csv(path)
    rows[rows["sold"].notna()].to_csv(path, index=False)
    app, watch = _app(folder, steps=4), RecordingWatch()
    ingest(app=app)
    train(app=app)
    promote("sales", version="1", app=app)
    score(app=app, watch=watch)
    assert any("{entity}/promo: 0 of 4 future values are given of series 'a/sold'" in line for line in watch.lines)


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        ('past = ["paris/rein"]', "'paris/rein': no series is called 'paris/rein'. Did you mean 'paris/rain'?"),
        (
            'future = ["{entty}/promo"]',
            "'{entty}/promo': no series of pipeline 'sales' has 'entty'. Did you mean 'entity'?",
        ),
        ('static = ["regoin"]', "no series of pipeline 'sales' has 'regoin'."),
    ],
)
def test_a_covariate_that_is_no_series_is_named(covariates: str, message: str, folder: Path) -> None:
    """By `check --live` and by the training."""
    app = _app(folder, covariates)
    ingest(app=app)
    assert any(message in line for line in check(app=app, live=True).lines)
    with pytest.raises(DataError) as refused:
        train("sales", app=app)
    assert message in str(refused.value)


def test_no_value_was_known_yet(folder: Path) -> None:
    """As of a time between the readings of the two sources."""
    app = _app(folder)
    ingest("sales", app=app)
    between = pd.Timestamp.now("UTC")
    ingest("weather", app=app)
    with pytest.raises(DataError, match=r"no value of 'paris/rain' was known at"):
        train("sales", as_of=between.isoformat(), app=app)


def test_a_pipeline_without_a_horizon_is_only_read(folder: Path) -> None:
    """On its schedule; nothing is trained or scored, and asking for it says why."""
    app = _app(folder)
    for verb in (train, promote, score, monitor):
        with pytest.raises(ConfigError, match=r"pipeline 'weather' only reads its series: horizon is 0"):
            verb("weather", app=app)
    ingest(app=app)
    assert "paris/rain" in query("series", app=app).table["unique_id"].tolist()  # type: ignore[index]
    flows = {d.entrypoint.rpartition(":")[2]: d for d in deployments(str(app.settings.file)) if d.name == "weather"}
    assert {name: bool(d.schedules) for name, d in flows.items()} == {"ingest": True, "listen": False}


def test_a_column_has_one_role(folder: Path) -> None:
    """`check` names it with its section."""
    app = _app(folder, 'past = ["x"]\nfuture = ["x"]')
    assert any("pipelines.sales: column 'x' has two roles" in line for line in check("sales", app=app).lines)
