"""Scheduled scoring reads what is new, and says what reading everything says."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.actions import _looking
from forecaster.actions.ingest import ingest
from forecaster.actions.label import label
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.series import synthetic
from tests.meters import METERS, TOLD_METERS

PROJECT = (
    METERS
    + """
model = "gru"
detector = "DETECTOR"
settings = { steps = 12, size = "s", validations = 2, rows = 4, stretch = 32 }
false_alarms = "1/200-rows"
rules = { gap = 5 }
"""
)
START = pd.Timestamp("2024-01-01")


def _frame() -> pd.DataFrame:
    """Three hourly series with jumps; the second lacks rows 520 to 524 and begins to lag."""
    frame = synthetic.seasonal(3, 620, noise=0.2, seed=2)
    for row in (505, 511, 512, 530, 531, 560, 700, 1160, 1776, 1830):
        frame.loc[row : row + 1, "y"] += 9
    return frame.drop(frame.index[620 + 520 : 620 + 525])


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a champion, not scored yet."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "data").mkdir()
    project = Project(folder, "auto", anew=False)
    project.read(_frame(), 500)
    train("meters", app=project.app)
    promote("meters", version="1", app=project.app)
    return folder


def _pair(trained: Path, folder: Path, detector: str = "auto") -> tuple["Project", "Project"]:
    """A copy that goes on, and one that begins anew each time."""
    for name in ("on", "anew"):
        shutil.copytree(trained, folder / name)
    return Project(folder / "on", detector, anew=False), Project(folder / "anew", detector, anew=True)


class Project:
    """Read and scored in portions."""

    def __init__(self, folder: Path, detector: str, *, anew: bool) -> None:
        text = PROJECT.replace("DETECTOR", detector).replace("DATA", str(folder / "data"))
        (folder / "forecaster.toml").write_text(text)
        self._folder, self._anew = folder, anew
        self.app = App.open(folder / "forecaster.toml")

    def scored(self, rows: int, change: Callable[[pd.DataFrame], pd.DataFrame] = lambda frame: frame) -> None:
        """Up to a row, of changed rows; where it begins anew it has forgotten where it stood."""
        self.read(change(_frame()), rows)
        if self._anew:
            shutil.rmtree(self.app.artefacts / "standing", ignore_errors=True)
        score("meters", app=self.app)

    def read(self, frame: pd.DataFrame, rows: int) -> None:
        """Rows before one."""
        known = frame[frame["ds"] < START + pd.Timedelta(hours=rows)]
        known.to_csv(self._folder / "data" / "meters.csv", index=False)
        ingest("meters", app=self.app)

    def tables(self) -> list[pd.DataFrame]:
        """All that was stored, but who made it when."""
        made_by = ["run_id", "as_of", "model", "first_seen_at"]
        keys = ["unique_id", "ds"]
        scores = self.app.lake.read("scores", latest=False).drop(columns=made_by[:3])
        forecasts = self.app.lake.read("forecasts", latest=False).drop(columns=made_by[:3])
        events = self.app.ledger.events.find().drop(columns=["run_id", "model", "first_seen_at"])
        return [
            scores.sort_values(keys, ignore_index=True),
            forecasts.sort_values([*keys, "cutoff"], ignore_index=True),
            events.sort_values("event_id", ignore_index=True),
        ]


def _same(one: Project, other: Project) -> None:
    for found, expected in zip(one.tables(), other.tables(), strict=True):
        assert len(found) == len(expected) > 0
        pd.testing.assert_frame_equal(found, expected, rtol=1e-4, atol=1e-5)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Filled with a word for each scoring that read all rows."""
    seen: list[str] = []
    whole: Any = _looking.found_by

    def counted(*given: Any) -> Any:
        seen.append("all")
        return whole(*given)

    monkeypatch.setattr(_looking, "found_by", counted)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("detector", ["auto", "residual"])
def test_going_on_is_reading_everything(trained: Path, detector: str, tmp_path: Path, passes: list[str]) -> None:
    """Scores, forecasts and events; in any portions, twice, and with series that lag."""
    on, anew = _pair(trained, tmp_path, detector)
    lagging = lambda frame: frame[(frame["unique_id"] != "s1") | (frame["ds"] < START + pd.Timedelta(hours=515))]  # noqa: E731, it is short
    for project in (on, anew):
        passes.clear()
        project.scored(507)
        project.scored(507)
        project.scored(516, lagging)
        project.scored(620)
        assert len(passes) == (4 if project is anew else 1)
    assert on.app.ledger.events.find()["is_open"].any() == anew.app.ledger.events.find()["is_open"].any()
    assert len(on.app.ledger.events.find()) > 3
    _same(on, anew)


@pytest.mark.slow
def test_what_changes_the_past_rewinds(trained: Path, tmp_path: Path, passes: list[str]) -> None:
    """A revised row to the snapshot before it, a row older than all of them, a label and a new series to the first row.

    A label changes the rows that come later, also where there was none yet when it was first minded.
    """
    on, anew = _pair(trained, tmp_path)
    ds = _frame()["ds"]

    def revised(row: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
        return lambda frame: frame.assign(y=frame["y"] + 5 * (ds == START + pd.Timedelta(hours=row)))

    fourth = synthetic.seasonal(1, 620, seed=9).assign(unique_id="s9")
    counts = []
    for project in (on, anew):
        passes.clear()
        project.scored(510)
        project.scored(520)
        project.scored(530, revised(515))
        counts.append(len(passes))
        project.scored(535, revised(300))
        counts.append(len(passes))
        label(project.app.ledger.events.find()["event_id"].iloc[-1], as_="false", by="ann", app=project.app)
        project.scored(535, revised(300))
        project.scored(570, revised(300))
        counts.append(len(passes))
        project.scored(620, lambda frame: pd.concat([revised(300)(frame), fourth]))
        counts.append(len(passes))
    assert counts[:4] == [1, 2, 3, 4]
    _same(on, anew)
    assert np.isfinite(on.tables()[0]["strangeness"]).any()


def test_an_event_that_goes_on_keeps_its_peak(tmp_path: Path) -> None:
    """Also where its alarms pause for longer than what is read anew."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(TOLD_METERS.replace("DATA", str(data)).replace("RULES", "{ gap = 40 }"))
    app, frame = App.open(path), synthetic.seasonal(1, 440, noise=0.2)
    frame.loc[[405, 430], "y"] += 50
    found = []
    for rows in (400, 425, 440):
        frame[:rows].to_csv(data / "meters.csv", index=False)
        ingest(app=app)
        if rows == 400:
            train(app=app)
            promote("meters", version="1", app=app)
        score(app=app)
        found.append(app.ledger.events.find())
    first, later = found[1].iloc[0], found[2].iloc[0]
    assert (len(found[2]), later["event_id"]) == (1, first["event_id"])
    assert later["end"] - first["end"] == pd.Timedelta(hours=25)
    assert (later["peak"], later["severity"]) == (first["peak"], first["severity"])
