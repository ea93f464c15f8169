"""A project that may only be read, on a mount of its own: it is looked at by every door, and refuses the rest in a line."""

import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import DiskError
from forecaster.series import synthetic
from forecaster.series.source import Slice
from forecaster.serving.rest import create
from forecaster.store.ledger import Ledger
from forecaster.store.slices import slice_id
from tests.commands import run

_FILE = """\
[pipelines.meters]
source = "files"
options = { path = "data/*.csv" }
horizon = 6
model = "seasonal_naive"
detector = "ewma"
alerts = ["jsonl"]
"""
EVENT = "s0@2024-01-18T02:00:00+00:00"
FILE, NOW = Slice("file", "v1"), datetime(2024, 1, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A scored project with the stores and the registry of the default, mounted to be read."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "forecaster.toml").write_text(_FILE)
    (folder / "data").mkdir()
    frame = synthetic.seasonal(1, 420, noise=0.2)
    frame.loc[410, "y"] += 50
    app = App.open(folder / "forecaster.toml")
    for rows in (400, 420):
        frame[:rows].to_csv(folder / "data" / "meters.csv", index=False)
        ingest(app=app)
        if rows == 400:
            train(app=app)
            promote("meters", version="1", app=app)
        score(app=app)
    app.ledger.engine.dispose()
    with _mounted(folder):
        yield folder


@contextmanager
def _mounted(folder: Path) -> Iterator[None]:
    """To be read only."""
    for command in (["--bind", folder, folder], ["-o", "remount,ro,bind", folder]):
        done = subprocess.run(["mount", *map(str, command)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"NO MOUNT may be made here, a project that may only be read is untested: {done.stderr}")
    yield
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("query", "anomalies", "--format", "csv"), EVENT),
        (("sql", "select count(*) as n, 'scores' as of from scores"), "100  scores"),
        (("replay", "meters", "--feedback"), "1 event before, 1 after"),
    ],
)
def test_what_may_only_be_read_is_looked_at(mounted: Path, words: tuple[str, ...], shown: str) -> None:
    done = run(*words, folder=mounted)
    assert (done.code, done.stderr) == (0, ""), done.stderr
    assert shown in done.stdout


@pytest.mark.slow
def test_its_report_is_written_elsewhere(mounted: Path, tmp_path: Path) -> None:
    """The champion, too, is fetched without writing anything."""
    done = run("report", "--out", tmp_path / "report.html", folder=mounted)
    assert done.code == 0, done.stderr
    assert "seasonal_naive" in (tmp_path / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("score",),
        ("promote", "meters", "--version", "1"),
        ("label", EVENT, "--as", "confirmed"),
        ("report",),
        ("init", "--force"),
    ],
)
def test_what_would_be_written_is_refused_in_a_line(mounted: Path, words: tuple[str, ...]) -> None:
    done = run(*words, folder=mounted)
    assert done.code == 2
    assert done.stderr.startswith("error: cannot write ")
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.slow
def test_rest_reads_it(mounted: Path) -> None:
    """What is said over REST is refused as a fault of this side."""
    client = TestClient(create(App.open(mounted / "forecaster.toml")), raise_server_exceptions=False)
    for path in (
        "series",
        "observations",
        "forecasts",
        "scores",
        "anomalies",
        "incidents",
        "slices",
        "watermarks",
        "quality",
    ):
        answer = client.get(f"/v1/{path}", params={"limit": 1})
        assert (answer.status_code, len(answer.json())) == (200, 1), path
    said = client.post("/v1/labels", json={"event": EVENT, "as": "confirmed", "by": "me"})
    assert said.status_code == 500, said.text
    assert "cannot write to the ledger" in said.json()["detail"]


def test_a_ledger_of_an_earlier_version_is_read_as_it_is(tmp_path: Path) -> None:
    """What it lacks is empty until it may be written; what would be said is refused till then."""
    home = tmp_path / "kept"
    home.mkdir()
    address = f"sqlite:///{home}/ledger.db"
    before = Ledger.open(address)
    before.begin_slice("meters", FILE)
    before.end_slice(slice_id("meters", FILE), "done", series=[{"unique_id": "a", "last_ds": NOW}])
    before.events.put([{"event_id": EVENT, "unique_id": "a", "is_open": True, "to_tell": True}])
    before.engine.dispose()
    with sqlite3.connect(home / "ledger.db") as connection:
        for change in ("ALTER TABLE coverage DROP last_ds", "ALTER TABLE events DROP to_tell", "DROP TABLE labels"):
            connection.execute(change)
    connection.close()
    with _mounted(home):
        old = Ledger.open(address)
        assert old.watermarks()[["part", "latest"]].to_numpy().tolist() == [["file", None]]
        assert old.events.find()[["event_id", "to_tell"]].to_numpy().tolist() == [[EVENT, None]]
        assert len(old.events.find_labels()) == 0
        with pytest.raises(DiskError, match=r"cannot write to the ledger at .* of an earlier version"):
            old.events.label(EVENT, "confirmed", by="me")
        old.engine.dispose()
    now = Ledger.open(address)
    now.events.label(EVENT, "confirmed", by="me")
    now.end_slice(slice_id("meters", FILE), "done", series=[{"unique_id": "a", "last_ds": NOW}])
    assert now.watermarks()["latest"].tolist() == [NOW]


def test_alerts_lie_with_the_project(tmp_path: Path) -> None:
    """Wherever a command is run: their file, too, where the settings name none."""
    (tmp_path / "forecaster.toml").write_text(_FILE)
    alert = App.open(tmp_path / "forecaster.toml").alert("jsonl")
    alert.send("meters", [{"event_id": "a"}])
    assert os.listdir(tmp_path / ".forecaster") == ["alerts.jsonl"]
