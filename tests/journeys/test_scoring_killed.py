"""Scoring that ends between two of its steps, or tells in vain: the next one makes up for it, and says nothing twice."""

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster.actions import score as scoring
from forecaster.actions._snapshots import Snapshots
from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.store.event_log import EventLog
from forecaster.store.lake import Lake
from forecaster.store.ledger import Run
from tests.meters import TOLD_METERS

PROJECT = TOLD_METERS.replace("RULES", '{ gap = 5 }\nincidents = { by = "pipeline", window = "1D" }')
START = pd.Timestamp("2024-01-01")
HISTORY, JUMPS, MORE = 600, 622, 660


class Killed(BaseException):
    """In the place of kill -9."""


class Project:
    """Two meters that jump together at 550, which is history, and at 620; the first again at 640, soon after."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self._data.mkdir(exist_ok=True)
        self.telling("jsonl")

    def telling(self, alert: str, settings: str = "") -> None:
        """Tell people in a way, of some settings."""
        text = PROJECT.replace("DATA", str(self._data)).replace('alerts = ["jsonl"]', f'alerts = ["{alert}"]')
        (self._folder / "forecaster.toml").write_text(text + settings)
        self.app = App.open(self._folder / "forecaster.toml")

    def read(self, rows: int) -> None:
        """Rows before one."""
        frame = synthetic.seasonal(2, 700, noise=0.1, seed=2)
        for row, size in ((550, 9), (620, 9), (640, -30), (1250, 9), (1320, 9)):
            frame.loc[row : row + 1, "y"] += size
        frame[frame["ds"] < START + pd.Timedelta(hours=rows)].to_csv(self._data / "meters.csv", index=False)
        ingest("meters", app=self.app)

    def told(self) -> list[tuple[str, ...]]:
        """Events of each alert."""
        path = self._folder / "alerts.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(sorted(json.loads(line)["events"])) for line in lines]

    def stored(self) -> list[pd.DataFrame]:
        """All that is remembered, but who made it when."""
        made_by = ["run_id", "as_of"]
        events = self.app.ledger.events.find()
        events["notified_at"] = events["notified_at"].notna()
        return [
            *(self.app.lake.read(name, latest=False).drop(columns=made_by) for name in ("scores", "forecasts")),
            events.drop(columns=["run_id", "first_seen_at"]).sort_values("event_id", ignore_index=True),
        ]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a champion, not scored yet."""
    folder = tmp_path_factory.mktemp("trained")
    project = Project(folder)
    project.read(HISTORY)
    train("meters", app=project.app)
    promote("meters", version="1", app=project.app)
    return folder


@pytest.fixture(scope="module")
def undisturbed(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Scored three times without a kill."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(trained, folder)
    project = Project(folder)
    for rows in (HISTORY, JUMPS, MORE):
        project.read(rows)
        score("meters", app=project.app)
    return project


def _dies(patch: pytest.MonkeyPatch, owner: Any, name: str, number: int) -> None:
    """The run is gone at the n-th call of a function, before it does anything."""
    whole, calls = getattr(owner, name), [0]

    def call(*given: Any, **named: Any) -> Any:
        calls[0] += 1
        if calls[0] == number:
            raise Killed
        return whole(*given, **named)

    patch.setattr(owner, name, call)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [
        (Lake, "append", 1),
        (EventLog, "put", 1),
        (EventLog, "close", 1),
        (EventLog, "relate", 1),
        (EventLog, "relate", 2),
        (Lake, "append", 2),
        (Snapshots, "put", 1),
        (EventLog, "wake", 1),
        (scoring, "tell", 1),
        (EventLog, "need_not_tell", 1),
        (Run, "note", 1),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)).rsplit(".", 1)[-1],
)
def test_killed_before_each_step_nothing_is_lost_or_doubled(
    trained: Path, undisturbed: Project, tmp_path: Path, owner: Any, name: str, number: int
) -> None:
    """Killed in the first look back and with news; one more run each, and all is as if nothing had been."""
    shutil.copytree(trained, tmp_path / "project")
    project = Project(tmp_path / "project")
    for rows in (HISTORY, JUMPS, MORE):
        project.read(rows)
        with pytest.MonkeyPatch.context() as patch:
            _dies(patch, owner, name, number)
            with pytest.raises(Killed):
                score("meters", app=project.app)
        score("meters", app=project.app)
    for found, expected in zip(project.stored(), undisturbed.stored(), strict=True):
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-5)
    assert project.told() == undisturbed.told()


@pytest.mark.slow
def test_an_undisturbed_scoring_tells_of_news_alone(undisturbed: Project) -> None:
    """What the kills are compared with: history is recorded and not told, and what joins a told incident is not, too."""
    events = undisturbed.app.ledger.events.find().sort_values(["start", "event_id"])
    assert events["unique_id"].tolist() == ["s0", "s1", "s0", "s1", "s0"]
    assert events["notified_at"].notna().tolist() == [False, False, True, True, False]
    assert events["incident_id"].nunique() == 2
    assert undisturbed.told() == [tuple(events["event_id"].iloc[2:4])]
    assert not events["to_tell"].any()


@pytest.mark.slow
def test_what_was_told_in_vain_is_told_by_the_next_scoring(trained: Path, undisturbed: Project, tmp_path: Path) -> None:
    """A wrong setting stops it before anything is stored; where nobody answers, news wait; both times nothing is lost."""
    shutil.copytree(trained, tmp_path / "project")
    project = Project(tmp_path / "project")
    project.read(HISTORY)
    score("meters", app=project.app)
    before = project.stored()
    project.read(JUMPS)
    project.telling("webhook")
    with pytest.raises(ConfigError, match="alert 'webhook': set url"):
        score("meters", app=project.app)
    for found, expected in zip(project.stored(), before, strict=True):
        pd.testing.assert_frame_equal(found, expected)
    project.telling("webhook", '[alerts.webhook]\nurl = "http://127.0.0.1:1/"\n')
    for _ in range(2):
        assert "did not take 1 event" in score("meters", app=project.app).lines[0]
    project.telling("jsonl")
    for _ in range(2):
        score("meters", app=project.app)
    assert project.told() == undisturbed.told()


@pytest.mark.slow
def test_what_nobody_was_to_be_told_of_is_not_told_later(trained: Path, tmp_path: Path) -> None:
    """Events of a time without an alert are no news to one that is set up afterwards."""
    shutil.copytree(trained, tmp_path / "project")
    project = Project(tmp_path / "project")
    file = project.app.settings.file
    file.write_text(file.read_text().replace('alerts = ["jsonl"]', ""))
    for rows in (HISTORY, JUMPS):
        project.read(rows)
        score("meters", app=App.open(file))
    project.telling("jsonl")
    score("meters", app=project.app)
    assert len(project.app.ledger.events.find()) == 4
    assert project.told() == []
