"""Intake: what a source delivered and we acknowledged is there, once, whatever is killed and whenever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.query import query
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import ConfigError, SourceError
from forecaster.series.delivered import table
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window
from forecaster.store import intake
from forecaster.store.intake import pending, take_in
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger


class Scripted(Connector):
    """A source that says what it is told to, and breaks where it is told to."""

    def __init__(self, parts: list[pd.DataFrame], cursor: str = "1", breaks_at: int | None = None) -> None:
        super().__init__(self.Config())
        self.parts, self.cursor, self.breaks_at = parts, cursor, breaks_at

    def check(self, *, reach: bool = False) -> list[str]:
        return []

    def discover(self) -> list[SeriesInfo]:
        return [SeriesInfo("a", "sensor", "kWh")]

    def plan(self, window: Window, done: Done) -> list[Slice]:
        return [] if done.cursors.get("all") == self.cursor else [Slice("all", self.cursor)]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        for number, part in enumerate(self.parts):
            if number == self.breaks_at:
                raise SourceError("the line went dead")
            yield table(part["unique_id"], part["ds"], part["y"])


def _part(start: int, values: list[object]) -> pd.DataFrame:
    ds = pd.date_range("2024-01-01", periods=100, freq="h", tz="UTC", unit="us")[start : start + len(values)]
    return pd.DataFrame({"unique_id": "a", "ds": ds, "y": values})


@pytest.fixture
def stores(tmp_path: Path) -> tuple[Lake, Ledger]:
    return Lake(str(tmp_path / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")


def _take(stores: tuple[Lake, Ledger], source: Connector) -> list[object]:
    return [take_in(*stores, source, "s", piece) for piece in pending(stores[1], source, "s")]


def test_what_broke_off_is_completed_and_nothing_comes_twice(
    stores: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first part landed; the next run takes the second and leaves the first alone."""
    monkeypatch.setattr(intake, "_AT_ONCE", 1)
    parts = [_part(0, [1.0, 2.0]), _part(2, [3.0, 4.0])]
    with pytest.raises(SourceError):
        _take(stores, Scripted(parts, breaks_at=1))
    assert len(stores[0].read("observations")) == 2
    (taken,) = _take(stores, Scripted(parts))
    assert stores[0].read("observations", latest=False)["y"].tolist() == [1, 2, 3, 4]
    assert taken.rows_new == 2
    assert _take(stores, Scripted(parts)) == []


def test_a_changed_value_is_a_revision_and_an_equal_one_is_nothing(stores: tuple[Lake, Ledger]) -> None:
    """Reading a whole file again because one line changed adds one row."""
    _take(stores, Scripted([_part(0, [1.0, 2.0, 3.0])]))
    (taken,) = _take(stores, Scripted([_part(0, [1.0, 5.0, 3.0, 4.0])], cursor="2"))
    assert (taken.rows_in, taken.rows_new, taken.rows_revised) == (4, 1, 1)
    assert stores[0].read("observations")["y"].tolist() == [1, 5, 3, 4]
    assert len(stores[0].read("observations", latest=False)) == 5


def test_rows_that_cannot_be_stored_are_kept_with_a_reason(stores: tuple[Lake, Ledger]) -> None:
    """Text, infinity, no time, no name, a double: quarantined; an empty cell is no row at all."""
    part = _part(0, [1.0, "high", np.inf, 4.0, 5.0, None]).astype({"ds": object, "y": object})
    part = pd.concat([part, part.iloc[[0]].assign(y=9.0)], ignore_index=True)
    part.loc[3, "ds"] = "soon"
    part.loc[4, "unique_id"] = None
    (taken,) = _take(stores, Scripted([part]))
    assert taken.rows_rejected == 5
    assert stores[0].read("observations")["y"].tolist() == [9]
    reasons = stores[0].read("quarantine")["reason"].tolist()
    assert sorted(reasons) == [
        "infinite value", "no unique_id", "the same series and time again in this slice; the last row was taken", "time is no time",
        "value is no number",
    ]  # fmt: skip


def test_files_are_read_when_they_are_new_or_changed(project: Path) -> None:
    """The action on real files: a bad one does not stop the good one, and heals when it is mended."""
    app, folder = App.open(project), project.parent / "data"
    _part(0, [1.0, 2.0]).to_csv(folder / "a.csv", index=False)
    (folder / "b.csv").write_text("unique_id;ds;y\nno;comma;here\n")
    outcome = ingest(app=app)
    assert outcome.skipped == 1
    assert "has no column" in " ".join(outcome.lines)
    assert app.ledger.find_runs()["status"].tolist() == ["done"]
    _part(50, [7.0]).assign(unique_id="b").to_csv(folder / "b.csv", index=False)
    _part(0, [1.0, 2.0, 3.0]).to_csv(folder / "a.csv", index=False)
    assert ingest(app=app).skipped == 0
    assert app.lake.read("observations")["y"].tolist() == [1, 2, 3, 7]
    assert ingest(app=app).lines == ["nothing new"]
    assert query("observations", series=["b"], format="csv", app=app).text.splitlines()[1].startswith("b,2024-01-03")


def test_wrong_words_of_the_project_verbs_are_named(project: Path) -> None:
    """A time that is none, and fewer rows than one."""
    app = App.open(project)
    with pytest.raises(ConfigError, match="--as-of: 'soon' is no time"):
        train(as_of="soon", app=app)
    for limit in (0, -1):
        with pytest.raises(ConfigError, match="--limit must be at least 1"):
            query("observations", limit=limit, app=app)


@pytest.mark.slow
def test_killed_at_any_moment_no_row_is_lost_or_doubled(project: Path) -> None:
    """kill -9 while it ingests, again and again at other moments, then once in peace: every row once."""
    folder = project.parent / "data"
    for n in range(6):
        ds = pd.date_range("2024-01-01", periods=20_000, freq="min", tz="UTC", unit="us")
        pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "y": np.arange(20_000.0)}).to_csv(
            folder / f"{n}.csv", index=False
        )
    command = [sys.executable, "-m", "forecaster", "ingest", "--project", str(project)]
    begun = time.monotonic()
    for wait in (1.2, 1.4, 1.6, 1.9, 2.2):
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(wait)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = App.open(project).lake.read("observations", latest=False)
    assert len(rows) == 6 * 20_000, f"after {time.monotonic() - begun:.0f} s"
    assert not rows.duplicated(["unique_id", "ds"]).any()
