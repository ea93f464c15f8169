"""A disk that is full, or may not be written: a line, no traceback, nothing half-written, and people are told."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import DiskError
from forecaster.series import synthetic
from forecaster.store import lake
from forecaster.store.event_log import EventLog
from tests.meters import TOLD_METERS


def _run(folder: Path, kilobytes: int, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command that may write no file larger than that."""
    command = f'ulimit -f {kilobytes}; exec "$0" -m forecaster "$@"'
    return subprocess.run(
        ["bash", "-c", command, sys.executable, *words], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_command_that_finds_no_room_says_so_in_a_line(project: Path) -> None:
    """It ends with 2, and leaves nothing half-written."""
    folder = project.parent
    synthetic.seasonal(2, 100).to_csv(folder / "data" / "meters.csv", index=False)
    before = sorted(folder.iterdir())
    done = _run(folder, 0, "init", "--force")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "Nothing was written" in done.stderr
    assert sorted(folder.iterdir()) == before
    assert 'name = "test"' in project.read_text()
    done = _run(folder, 0, "detect", "data/meters.csv", "--detector", "ewma", "--out", "rows.csv")
    assert done.returncode == 2
    assert "cannot write 'rows.csv'" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(folder.iterdir()) == before
    assert _run(folder, 10_000, "ingest").returncode == 0
    done = _run(folder, 0, "query", "observations", "--format", "csv")
    assert done.returncode == 0, f"what may not be written can be read: {done.stderr}"
    assert "s1,2024-01-01" in done.stdout
    done = _run(folder, 0, "maintain")
    assert done.returncode == 2
    assert "error: cannot write to the ledger at" in done.stderr
    assert "Traceback" not in done.stderr


def _full(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def watched(tmp_path: Path) -> App:
    """A project that was scored once, and then a jump came."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(TOLD_METERS.replace("DATA", str(data)).replace("RULES", "{}"))
    app, frame = App.open(path), synthetic.seasonal(1, 420, noise=0.2)
    frame.loc[410, "y"] += 50
    frame[:400].to_csv(data / "meters.csv", index=False)
    ingest(app=app)
    train(app=app)
    promote("meters", version="1", app=app)
    score(app=app)
    frame.to_csv(data / "meters.csv", index=False)
    ingest(app=app)
    return app


def _told(app: App) -> list[dict[str, Any]]:
    path = app.settings.root / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_people_are_told_of_events_whose_rows_find_no_room(watched: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the events first, and of the failure; once there is room the rows are stored, and nobody is told twice."""
    before = len(watched.lake.read("scores"))
    with monkeypatch.context() as patched:
        patched.setattr(lake, "write_deltalake", _full)
        with pytest.raises(DiskError, match=r"cannot write to the lake at .*: No space left on device"):
            score(app=watched)
    event, failure = _told(watched)
    assert pd.Timestamp(event["start"]) == pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(hours=410)
    assert (failure["pipeline"], failure["failed"]) == ("meters", "score")
    assert "No space left" in failure["error"]
    assert watched.ledger.find_runs(verb="score", limit=1)["status"].tolist() == ["failed"]
    score(app=watched)
    assert len(watched.lake.read("scores")) == before + 20
    assert len(_told(watched)) == 2


def test_people_are_told_where_nothing_can_be_written_down(watched: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even that there is an event: what failed is told, and the event once there is room."""
    with monkeypatch.context() as patched:
        patched.setattr(EventLog, "put", lambda *_: (_ for _ in ()).throw(DiskError("cannot write to the ledger")))
        with pytest.raises(DiskError):
            score(app=watched)
    assert [line["failed"] for line in _told(watched)] == ["score"]
    score(app=watched)
    assert [line.get("unique_id") for line in _told(watched)] == [None, "s0"]


def test_half_a_line_is_no_alert(watched: App) -> None:
    """A file that takes no whole line keeps the lines that it has."""
    program = (
        "import resource, sys, pathlib\n"
        "from forecaster.app import App\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))\n"
        "alert = App.open(pathlib.Path(sys.argv[1])).alert('jsonl')\n"
        "alert.send('meters', [{'event_id': 'a' * 100}])\n"
        "alert.send('meters', [{'event_id': 'b' * 300}])\n"
    )
    command = [sys.executable, "-c", program, str(watched.settings.file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "SourceError: alert 'jsonl': cannot write" in done.stderr
    assert [line["event_id"] for line in _told(watched)] == ["a" * 100]
