"""Verbs over all pipelines of a project."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from forecaster.actions.base import Outcome
from forecaster.actions.check import check
from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.report import report
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import ConfigError, DataError, LedgerLost, SourceError
from forecaster.series import synthetic
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from tests.meters import METERS
from tests.standins.servers import lost, postgresql


@pytest.mark.slow
def test_a_pipeline_that_fails_stops_no_other(tmp_path: Path) -> None:
    """The first has no rows, so nothing to train, promote or score; its row says so, and asked for by name it is an error."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(
        'registry = "folder_registry"\nregistry_uri = ".forecaster/models"\n'
        'tracking = "jsonl_tracking"\ntracking_uri = ".forecaster/runs"\n'
        + "".join(
            f'[pipelines.{name}]\nsource = "files"\noptions = {{ path = "{data / name}*.csv" }}\n'
            'horizon = 4\nmodel = "seasonal_naive"\ndetector = "ewma"\n'
            for name in ("empty", "full")
        )
    )
    synthetic.seasonal(1, 200, noise=0.2).to_csv(data / "full.csv", index=False)
    app = App.open(path)
    ingest("full", app=app)
    for verb in (train, promote, score):
        outcome = verb(app=app)
        (first, second), line = next(iter(outcome.facts.values())), outcome.lines[-1]
        assert first["pipeline"] == "empty"
        assert line == f"empty: {first['error']}"
        assert second["pipeline"] == "full"
        assert "error" not in second
        assert outcome.skipped == 1
        assert outcome.table is not None
        assert outcome.table["pipeline"].tolist() == ["empty", "full"]
    assert len(app.lake.read("forecasts")) == 4
    assert set(app.ledger.find_runs(pipeline="empty")["status"]) == {"failed"}
    with pytest.raises(ConfigError, match="no champion yet"):
        score("empty", app=app)


def test_a_pipeline_whose_source_was_never_read_is_told_why(tmp_path: Path) -> None:
    """Not that rows were set aside."""
    path = tmp_path / "forecaster.toml"
    path.write_text(f'[pipelines.meters]\nsource = "files"\noptions = {{ path = "{tmp_path}/*.csv" }}\nhorizon = 4\n')
    (tmp_path / "broken.csv").write_text("unique_id;ds;y\na;2024-01-01;1\n")
    app = App.open(path)
    assert ingest(app=app).skipped == 1
    with pytest.raises(DataError, match=r"as its last reading failed: .*has no column 'unique_id'"):
        train("meters", app=app)


def test_a_time_before_the_first_reading_is_told(tmp_path: Path) -> None:
    """Nothing was known then: reading again would not help."""
    synthetic.seasonal(1, 100).to_csv(tmp_path / "meters.csv", index=False)
    (tmp_path / "forecaster.toml").write_text(METERS.replace("DATA/", str(tmp_path) + "/"))
    app = App.open(tmp_path / "forecaster.toml")
    ingest(app=app)
    with pytest.raises(DataError, match=r"'meters' knew no observation at 2020-01-01 00:00: it was first read at 20"):
        train("meters", as_of="2020-01-01", app=app)


@pytest.mark.parametrize(
    ("verb", "part", "step"), [(ingest, Ledger, "begin_slice"), (train, Lake, "read")], ids=["ingest", "train"]
)
def test_a_ledger_that_is_lost_in_the_middle_is_named(
    verb: Callable[..., Outcome], part: type, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the pipeline, and without its password."""
    synthetic.seasonal(1, 200, noise=0.2).to_csv(tmp_path / "meters.csv", index=False)
    with postgresql() as url, ExitStack() as until:
        address = url.set(password="between us").render_as_string(hide_password=False)
        project = f'ledger = "{address}"\n' + METERS.replace("DATA/", "") + '\nmodel = "seasonal_naive"\n'
        (tmp_path / "forecaster.toml").write_text(project)
        app = App.open(tmp_path / "forecaster.toml")
        if verb is train:
            ingest(app=app)
        before = getattr(part, step)

        def lose(*args: object, **named: object) -> object:
            until.enter_context(lost(url))
            return before(*args, **named)

        monkeypatch.setattr(part, step, lose)
        try:
            said = verb(app=app).lines[-1]
        except LedgerLost as error:
            said = str(error)
        app.ledger.engine.dispose()
    assert said.startswith("pipeline 'meters': the ledger at 'postgresql+psycopg://postgres:***@")
    assert "is lost" in said
    assert "between" not in said


def test_a_source_without_anything_yet_is_done(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files may come later: what is said of a pattern that none matches is a warning, and a problem to who checks it."""
    app = App.open(project)
    outcome = ingest(app=app)
    assert (outcome.lines, outcome.skipped) == (["nothing new"], 0)
    assert "no file matches" in caplog.text
    assert check(live=True, app=app).skipped == 1


def test_a_registry_that_cannot_be_reached_is_no_empty_one(project: Path, tmp_path: Path) -> None:
    """Whatever asks it says so, also before it trains; nobody is told to train or promote."""
    text = project.read_text().replace("folder_registry", "mlflow_registry")
    project.write_text(text.replace(".forecaster/models", "http://127.0.0.1:9"))
    synthetic.seasonal(1, 60).to_csv(tmp_path / "data" / "meters.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    for verb in (train, promote, score, partial(report, out=tmp_path / "report.html")):
        with pytest.raises(SourceError, match=r"cannot reach the registry at 'http://127.0.0.1:9'"):
            verb(app=app)
