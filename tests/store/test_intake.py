"""Intake: what a source delivered and we acknowledged is there, once, whatever is killed and whenever."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster.actions.check import check
from forecaster.actions.discover import discover
from forecaster.actions.ingest import ingest
from forecaster.actions.listen import listen
from forecaster.actions.maintain import maintain
from forecaster.actions.query import query
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.errors import ConfigError, DataError, LedgerLost, SourceError
from forecaster.series.contract import Contract
from forecaster.series.delivered import table
from forecaster.series.pushing import Delivery, Pushing
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window
from forecaster.series.timed import Timed
from forecaster.store import intake
from forecaster.store.intake import Intake
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
    asked = Intake(*stores, source, "s")
    return [asked.take_in(piece) for piece in asked.pending()]


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


def _hours(folder: Path, name: str, values: list[float], since: str = "2024-01-01") -> None:
    ds = pd.date_range(since, periods=len(values), freq="h", tz="UTC", unit="us")
    pd.DataFrame({"unique_id": name, "ds": ds, "y": values}).to_csv(folder / f"{name}.csv", index=False)


def test_a_contract_sets_rows_aside(project: Path) -> None:
    """Quarantine is the default: the reason stands beside the row, the run counts it, a report shows it; freeze takes nothing."""
    project.write_text(project.read_text() + "\n[pipelines.meters.contract]\nrange = [0, 10]\nflat = 3\n")
    folder = project.parent / "data"
    _hours(folder, "a", [1.0, 99.0, 3.0, 3.0, 3.0])
    app = App.open(project)
    outcome = ingest(app=app)
    assert outcome.facts["slices"][0]["rows_rejected"] == 1
    assert outcome.lines[1].startswith(
        f"stream 'meters', slice '{folder}/a.csv': 1 of 5 rows set aside, the first as value outside"
    )
    assert outcome.lines[1].endswith("source: forecaster ingest meters --again")
    assert app.lake.read("observations")["y"].tolist() == [1, 3, 3, 3]
    refused = app.lake.read("quarantine").iloc[0]
    assert (refused["unique_id"], refused["reason"]) == ("a", "value outside 0 to 10")
    assert refused["stream"] == "meters"
    assert app.ledger.find_runs()["facts"].iloc[0]["rejected"] == 1
    ingest(again=True, app=app)
    assert len(app.lake.read("quarantine")) == 1
    report = query("quality", app=app).table
    assert report["problems"].tolist() == ["1 gap, the longest of 2 h; 1 row rejected; 3 equal values in a row"]
    project.write_text(project.read_text() + 'mode = "freeze"\n')
    _hours(folder, "b", [1.0, -5.0])
    outcome = ingest(app=App.open(project))
    assert "series 'b' at 2024-01-01T01:00:00Z (-5): value outside 0 to 10" in " ".join(outcome.lines)
    assert query("observations", series=["b"], app=app).facts["rows"] == 0


def test_freeze_takes_nothing_of_a_slice_whose_last_row_is_wrong(
    stores: tuple[Lake, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a slice of many batches the first ones wait for the last; without a wrong row all of them land."""
    monkeypatch.setattr(intake, "_AT_ONCE", 2)
    strict = Contract(mode="freeze", range=[0, 10])
    good = [_part(n, [1.0, 2.0 + n]) for n in (0, 2, 4)]
    source = Scripted([*good, _part(6, [99.0])])
    asked = Intake(*stores, source, "s", strict)
    (piece,) = asked.pending()
    with pytest.raises(DataError, match=r"\(99\): value outside 0 to 10\. Mode freeze takes nothing of the slice"):
        asked.take_in(piece)
    assert len(stores[0].read("observations")) == 0
    mended = replace(asked, connector=Scripted([*good, _part(6, [9.0])]))
    assert mended.take_in(piece).rows_new == 7
    assert stores[0].read("observations")["y"].tolist() == [1, 2, 1, 4, 1, 6, 9]


def test_a_contract_may_mend_rows(project: Path) -> None:
    """Coerce: clipped and moved, and marked; of two rows of one time the first, where it says so."""
    more = '\n[pipelines.meters.contract]\nrange = [0, 10]\nstep = "h"\nmode = "coerce"\nduplicates = "first"\n'
    project.write_text(project.read_text() + more)
    ds = ["2024-01-01T00:00Z", "2024-01-01T01:02Z", "2024-01-01T01:05Z"]
    pd.DataFrame({"unique_id": "a", "ds": ds, "y": [99.0, 2.0, 3.0]}).to_csv(
        project.parent / "data" / "a.csv", index=False
    )
    app = App.open(project)
    ingest(app=app)
    rows = app.lake.read("observations")
    assert rows["ds"].dt.strftime("%H:%M").tolist() == ["00:00", "01:00"]
    assert rows["y"].tolist() == [10, 2]
    assert rows["quality"].tolist() == ["mended", "mended"]
    assert app.lake.read("quarantine")["reason"].str.contains("first row was taken").tolist() == [True]


def test_quality_tells_what_to_look_at(project: Path) -> None:
    """A gap beyond the contract's, a series that fell silent, one of which nothing was taken, and one that is well."""
    project.write_text(project.read_text() + '\n[pipelines.meters.contract]\nmax_gap = "3h"\nstale = "2D"\n')
    folder = project.parent / "data"
    _hours(folder, "well", [1.0, 2.0, 3.0], "2024-01-05T22:00")
    _hours(folder, "silent", [1.0, 2.0, 3.0])
    (folder / "text.csv").write_text("unique_id,ds,y\ntext,2024-01-01,high\n")
    ds = pd.to_datetime(["2024-01-05T00:00Z", "2024-01-05T01:00Z", "2024-01-05T02:00Z", "2024-01-05T12:00Z"])
    pd.DataFrame({"unique_id": "gap", "ds": ds, "y": [1.0, 2.0, 3.0, 4.0]}).to_csv(folder / "gap.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    report = query("quality", as_of="2024-01-06T00:00Z", app=app).table.set_index("unique_id")
    assert report["problems"].to_dict() == {
        "gap": "1 gap, the longest of 10 h",
        "silent": "nothing for 4.92 days",
        "text": "1 row rejected; nothing was taken",
        "well": "",
    }
    assert report.loc["well", "step"] == "h"
    assert report.index[-1] == "well"


def test_weekends_of_business_days_are_no_gaps(project: Path) -> None:
    """Rows from Monday to Friday, without a calendar from the source: a missing Thursday is a gap, in steps of that kind."""
    days = pd.bdate_range("2024-01-01", periods=30)
    for name, kept in (("whole", days), ("holed", days.delete(13))):
        pd.DataFrame({"unique_id": name, "ds": kept, "y": range(len(kept))}).to_csv(
            project.parent / "data" / f"{name}.csv", index=False
        )
    app = App.open(project)
    ingest(app=app)
    report = query("quality", app=app).table.set_index("unique_id")
    assert report["problems"].to_dict() == {"whole": "", "holed": "1 gap, the longest of 2 days"}
    assert set(report["step"]) == {"B"}


def test_quality_has_the_step_of_the_series(project: Path) -> None:
    """Where times jitter, and short distances are the most frequent ones; a gap is one beside the usual distance."""
    apart = np.array([20, 58, 59, 61, 62, 70, 20, 63, 57, 64, 20, 66, 20, 68] * 4)
    ds = pd.Timestamp("2024-01-01T00:00Z") + pd.to_timedelta(np.cumsum(apart), unit="s")
    pd.DataFrame({"unique_id": "a", "ds": ds, "y": range(len(ds))}).to_csv(project.parent / "data/a.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    [known], [report] = (query(what, app=app).table.to_dict("records") for what in ("series", "quality"))
    assert report["step"] == known["step"] == "min"
    assert report["gaps"] == 0


def test_quality_follows_a_pipeline_that_was_renamed(project: Path) -> None:
    """Its rows came by another name, and are its own: nothing of them counts as missing."""
    _hours(project.parent / "data", "a", [1.0, 2.0, 3.0])
    ingest(app=App.open(project))
    project.write_text(project.read_text().replace("[pipelines.meters]", "[pipelines.counters]"))
    app = App.open(project)
    assert ingest(app=app).facts["slices"][0]["rows_new"] == 0
    report = query("quality", app=app).table
    assert report[["unique_id", "rows", "problems"]].to_numpy().tolist() == [["a", 3, ""]]


def test_rows_that_vanish_from_the_middle_of_a_file_are_told(project: Path) -> None:
    """Once, when they have gone; not those that a file of the newest rows drops at its beginning, nor a shorter end."""
    folder, app = project.parent / "data", App.open(project)

    def gone(*hours: int) -> list[str]:
        rows = pd.DataFrame({"unique_id": "a", "ds": pd.Timestamp("2024-01-01") + pd.to_timedelta(hours, "h")})
        rows.assign(y=1.0).to_csv(folder / "a.csv", index=False)
        return [line for line in ingest(app=app).lines if "no longer in it" in line]

    assert gone(*range(10)) == []
    assert gone(*range(3, 12)) == []
    assert gone(*range(3, 11)) == []
    (line,) = gone(3, 4, 7, 8, 9, 10, 11, 12)
    assert "a.csv': 2 rows that were read before are no longer in it" in line
    assert gone(3, 4, 7, 8, 9, 10, 11, 12, 13) == []
    assert gone(3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14) == []
    assert query("observations", app=app).facts["rows"] == 15


def test_what_a_pipeline_that_is_gone_left_is_told_and_closed(project: Path) -> None:
    """Renamed: nothing reads its parts or ends its events any more. `maintain` closes these, once; its marks are kept."""
    _hours(project.parent / "data", "a", [1.0, 2.0, 3.0])
    app, time = App.open(project), pd.Timestamp("2024-01-01T01:00Z").to_pydatetime()
    ingest(app=app)
    known = {"unique_id": "a", "severity": 4.0, "start": time, "peak": time, "end": time, "is_open": True}
    app.ledger.events.put([{**known, "event_id": "old", "pipeline": "meters"}])
    assert (query("watermarks", app=app).lines, maintain(app=app).lines) == ([], [])
    project.write_text(project.read_text().replace("[pipelines.meters]", "[pipelines.counters]"))
    app = App.open(project)
    ingest(app=app)
    app.ledger.events.put([{**known, "event_id": "new", "pipeline": "counters"}])
    (line,) = query("watermarks", app=app).lines
    assert line.startswith("pipeline 'meters' is not in the project file: nothing reads its parts any more.")
    assert query("watermarks", format="csv", app=app).lines == []
    assert maintain(app=app).lines == [
        "pipeline 'meters' is not in the project file: 1 event of it that went on is over"
    ]
    assert app.ledger.events.find().set_index("event_id")["is_open"].to_dict() == {"old": False, "new": True}
    assert maintain(app=app).lines == []


def test_a_name_that_comes_back_is_told_to_read_again(project: Path) -> None:
    """Renamed, read, and renamed back: its source has nothing new, and its series are the other name's by now."""
    _hours(project.parent / "data", "a", [1.0, 2.0, 3.0])
    text = project.read_text()
    ingest(app=App.open(project))
    project.write_text(text.replace("[pipelines.meters]", "[pipelines.counters]"))
    ingest(app=App.open(project))
    project.write_text(text)
    app = App.open(project)
    assert ingest(app=app).lines == ["nothing new"]
    with pytest.raises(DataError, match=r"another pipeline's by now\. Read it again: forecaster ingest meters --again"):
        train(app=app)
    ingest(again=True, app=app)
    assert query("observations", pipeline="meters", app=app).facts["rows"] == 3


def test_duplicates_are_counted_by_themselves(project: Path) -> None:
    """One of two rows of a time is taken: nothing is missing, but the source says things twice; refused, both are missing."""
    (project.parent / "data" / "a.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-01,2\na,2024-01-02,3\n")
    app = App.open(project)
    ingest(app=app)
    report = query("quality", app=app).table.iloc[0]
    assert (report["rejected"], report["problems"]) == (0, "1 duplicate")
    strict = project.parent / "strict.toml"
    more = '\n[pipelines.meters.contract]\nduplicates = "refuse"\n'
    strict.write_text(
        project.read_text().replace('name = "test"', 'name = "test"\nlake = "lake2"\nledger = "sqlite:///l.db"') + more
    )
    app = App.open(strict)
    ingest(app=app)
    assert query("quality", app=app).table.iloc[0]["problems"] == "2 rows rejected; 2 duplicates"


def test_rejected_rows_that_were_mended_are_no_problem_any_more(project: Path) -> None:
    """Their settings, and the slice was read again; or their source, and other rows have their places."""
    folder, text = project.parent / "data", project.read_text()
    project.write_text(text + "\n[pipelines.meters.contract]\nrange = [0, 10]\n")
    (folder / "b.csv").write_text("unique_id,ds,y\nb,01.02.2024,1\nb,02.02.2024,2\n")
    _hours(folder, "a", [1.0, 99.0, 3.0])
    app = App.open(project)
    ingest(app=app)
    rejected = query("quality", app=app).table.set_index("unique_id")["rejected"]
    assert rejected.to_dict() == {"a": 1, "b": 2}
    _hours(folder, "a", [1.0, 9.0, 3.0])
    ingest(app=app)
    assert query("quality", app=app).table.set_index("unique_id")["rejected"].to_dict() == {"a": 0, "b": 2}
    (folder / "a.csv").unlink()
    project.write_text(project.read_text().replace('unit = "kWh"', 'unit = "kWh", time_format = "%d.%m.%Y"'))
    app = App.open(project)
    ingest(again=True, app=app)
    assert query("quality", app=app).table.set_index("unique_id")["rejected"].to_dict() == {"a": 0, "b": 0}
    assert len(app.lake.read("quarantine")) == 3


class Hourly(Timed):
    """A source that is asked for spans; remembers which."""

    asked: ClassVar[list[str]] = []
    broken: ClassVar[set[str]] = set()

    def check(self, *, reach: bool = False) -> list[str]:
        return ["no route"] if reach and self.broken else []

    def discover(self) -> list[SeriesInfo]:
        return [SeriesInfo("h", "weather", "K", "h", licence="CC BY 4.0", tags={"site": "roof"})]

    def parts(self) -> list[str]:
        return ["one"]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        day = f"{piece.start:%m-%d}"
        self.asked.append(day)
        if day in self.broken:
            raise SourceError(f"{day} is broken. Wait")
        yield table(
            "h", pd.date_range(piece.start, piece.end, freq="h", inclusive="left", unit="us"), float(piece.start.day)
        )


@pytest.fixture
def hourly_app(project: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """A project whose source is asked for spans of a day."""
    Hourly.asked, Hourly.broken = [], set()
    app = App.open(project)
    monkeypatch.setattr(App, "connector", lambda self, one: Hourly(Hourly.Config(start="2024-01-03", span="1D")))
    return app


def test_the_slices_of_a_part_are_one_row_and_one_message(
    hourly_app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With their number, the sums of their counts and how many failed; a part that takes long says where it is."""
    from forecaster.serving.screen import Screen

    Hourly.broken = {"01-06"}
    outcome = ingest(until="2024-01-13", app=hourly_app, watch=Screen())
    assert outcome.lines[0] == "10 slices, 1 failed"
    assert outcome.table is not None
    (row,) = outcome.table.to_dict("records")
    assert (row["part"], row["slices"], row["rows_in"], row["rows_new"], row["failed"]) == ("one", 10, 216, 216, 1)
    assert len(outcome.facts["slices"]) == 10
    said = capsys.readouterr()
    assert [line for line in (said.out + said.err).splitlines() if "reading" in line] == [
        "meters: reading one, slice 1 of 10"
    ]
    monkeypatch.setattr("forecaster.actions.ingest._SAY_S", 0.0)
    ingest(since="2024-01-10", until="2024-01-12", again=True, app=hourly_app, watch=Screen())
    said = capsys.readouterr()
    assert "meters: reading one, slice 2 of 2" in said.out + said.err


def test_a_back_fill_reads_what_is_missing_and_moves_no_watermark_back(hourly_app: App) -> None:
    """Before what is there, without it, and with --again all of it; one day that fails stops no other."""
    ingest(until="2024-01-05", app=hourly_app)
    assert Hourly.asked == ["01-03", "01-04"]
    Hourly.asked, Hourly.broken = [], {"01-02"}
    outcome = ingest(since="2024-01-01", until="2024-01-04", app=hourly_app)
    assert Hourly.asked == ["01-01", "01-02"]
    assert outcome.skipped == 1
    assert (
        "slice 'one' from 2024-01-02T00:00Z to 2024-01-03T00:00Z: 01-02 is broken. Wait. The next run"
        in outcome.lines[1]
    )
    marks = query("watermarks", app=hourly_app).table.iloc[0]
    assert (marks["holes"], f"{marks['watermark']:%m-%d}", f"{marks['latest']:%m-%d}") == (1, "01-02", "01-05")
    Hourly.asked, Hourly.broken = [], set()
    ingest(since="2024-01-01", until="2024-01-06", app=hourly_app)
    assert Hourly.asked == ["01-02", "01-05"]
    Hourly.asked = []
    rows = ingest(since="2024-01-02", until="2024-01-04", again=True, app=hourly_app).table
    assert Hourly.asked == ["01-02", "01-03"]
    assert (rows["rows_new"].sum(), rows["rows_revised"].sum()) == (0, 0)
    marks = query("watermarks", app=hourly_app).table.iloc[0]
    assert (marks["holes"], f"{marks['watermark']:%m-%d}", marks["failed"]) == (0, "01-06", 0)
    assert len(hourly_app.lake.read("observations", latest=False)) == 5 * 24
    with pytest.raises(ConfigError, match="--since 2024-01-04 must be before --until 2024-01-02"):
        ingest(since="2024-01-04", until="2024-01-02", app=hourly_app)


def test_a_part_that_fails_again_and_again_is_left_to_the_next_run(hourly_app: App) -> None:
    """Ten years of a wrong address are not asked for one by one; healed, the next run reads all of it."""
    Hourly.broken = {f"01-{day:02}" for day in range(3, 20)}
    outcome = ingest(until="2024-01-20", app=hourly_app)
    assert Hourly.asked == ["01-03", "01-04", "01-05"]
    assert outcome.lines[-1] == "stream 'meters': 3 slices of 'one' failed in a row; 14 more are left to the next run."
    assert len(query("slices", app=hourly_app).table) == 3
    Hourly.broken = {"01-04"}
    assert ingest(until="2024-01-20", app=hourly_app).skipped == 1
    assert len(hourly_app.lake.read("observations")) == 16 * 24


def test_back_fills_beside_each_other_share_the_slices(hourly_app: App) -> None:
    """Four at once: each row is there once, every run is written down as done, and no slice is left."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: ingest(since=f"2023-12-{n}", until="2024-01-03", app=hourly_app), (20, 21, 22, 23)))
    rows = hourly_app.lake.read("observations", latest=False)
    assert len(rows) == 14 * 24
    assert not rows.duplicated(["unique_id", "ds"]).any()
    assert hourly_app.ledger.find_runs()["status"].tolist() == ["done"] * 4
    assert len(Hourly.asked) < 4 * 12


def test_a_source_is_checked_and_its_series_shown(hourly_app: App) -> None:
    """Settings alone, then the source; unit, step, licence and tags as it says them, the licence with every run."""
    assert check(app=hourly_app).skipped == 0
    assert (
        discover("meters", format="csv", app=hourly_app).text.splitlines()[1]
        == "h,weather,K,h,UTC,,CC BY 4.0,,,site=roof"
    )
    Hourly.broken = {"01-03"}
    found = check(live=True, app=hourly_app)
    assert (found.skipped, found.facts["problems"]) == (1, {"meters": ["forecaster.toml: pipelines.meters: no route"]})
    Hourly.broken = set()
    ingest(until="2024-01-04", app=hourly_app)
    assert hourly_app.ledger.find_runs()["facts"].iloc[0]["licences"] == ["CC BY 4.0"]


class Sending(Pushing):
    """A source that sends three rows, goes away once, and sends until all is acknowledged."""

    left: ClassVar[list[int]] = []
    away: ClassVar[list[str]] = []

    def check(self, *, reach: bool = False) -> list[str]:
        return []

    def discover(self) -> list[SeriesInfo]:
        return [SeriesInfo("p", "sensor")]

    def subscribe(self, patience_s: float) -> Iterator[Delivery]:
        if self.away:
            raise SourceError(self.away.pop())
        for n in list(self.left):
            ds = pd.date_range("2024-01-01", periods=100, freq="h", tz="UTC", unit="us")[n : n + 1]
            yield Delivery(table("p", ds, float(n)), lambda n=n: self.left.remove(n))


class Waiting:
    """A clock that only waiting moves, and on which a minute has gone by once the source has sent all."""

    waited = 0.0

    def sleep(self, seconds: float) -> None:
        self.waited += seconds

    def monotonic(self) -> float:
        return self.waited if Sending.left else self.waited + 60.0


def test_a_source_that_sends_is_listened_to(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`ingest` takes what waits; `listen` goes on, comes back to a source that went away, and ends when it is told."""
    app = App.open(project)
    with pytest.raises(ConfigError, match="'files' does not send by itself"):
        listen("meters", app=app)
    monkeypatch.setattr(App, "connector", lambda self, one: Sending(Sending.Config()))
    Sending.left, Sending.away = [0, 1], []
    (row,) = ingest(app=app).facts["slices"]
    assert (row["part"], row["rows_new"], Sending.left) == ("arrivals", 2, [])
    Sending.left, Sending.away = [1, 2], ["the line is dead."]
    clock = Waiting()
    monkeypatch.setattr("forecaster.actions.listen.time", clock)
    monkeypatch.setattr("forecaster.actions.listen._EVERY_S", 0.1)
    heard = listen("meters", seconds=1.5, app=app)
    assert heard.facts["rows_new"] == 1
    assert clock.waited == 1.0
    assert Sending.left == []
    assert app.lake.read("observations", latest=False)["y"].tolist() == [0, 1, 2]
    hour = query("slices", app=app).table.iloc[0]
    assert (hour["part"], hour["rows_new"], hour["status"]) == ("arrivals", 3, "done")
    mark = query("watermarks", app=app).table.iloc[0]
    assert (mark["part"], mark["latest"]) == ("arrivals", pd.Timestamp("2024-01-01T02:00Z"))


def test_a_listener_outlives_a_ledger_that_goes_away(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be counted is not acknowledged, comes again, and is there once."""
    app = App.open(project)
    monkeypatch.setattr(App, "connector", lambda self, one: Sending(Sending.Config()))
    Sending.left, Sending.away = [0, 1], []
    count, lost = Ledger.add_to_slice, [LedgerLost("the ledger is lost."), LedgerLost("the ledger is lost.")]

    def add_to_slice(*given: Any, **named: Any) -> None:
        if lost:
            raise lost.pop()
        count(*given, **named)

    monkeypatch.setattr(Ledger, "add_to_slice", add_to_slice)
    clock = Waiting()
    monkeypatch.setattr("forecaster.actions.listen.time", clock)
    listen("meters", seconds=10.0, app=app)
    assert (clock.waited, Sending.left) == (1.0 + 2.0, [])
    assert app.lake.read("observations", latest=False)["y"].tolist() == [0, 1]


def test_a_listener_ends_cleanly_when_it_is_told_to(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM in the middle: what was stored is acknowledged, the run is done, the lease is free; `ingest` leaves a listener
    alone that is there."""

    class Ended(Sending):
        def subscribe(self, patience_s: float) -> Iterator[Delivery]:
            yield from super().subscribe(patience_s)
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(30)

    app = App.open(project)
    monkeypatch.setattr(App, "connector", lambda self, one: Ended(Ended.Config()))
    monkeypatch.setattr("forecaster.actions.listen._EVERY_S", 0.0)
    monkeypatch.setattr("forecaster.actions.listen._JOIN_AFTER", 2)
    Sending.left, Sending.away = [0, 1, 2], []
    assert listen("meters", app=app).facts["rows_new"] == 3
    assert Sending.left == []
    assert app.ledger.find_runs()["status"].tolist() == ["done"]
    assert len(app.lake.read("observations", latest=False)) == 3
    with app.ledger.lease("listen:meters", wait_s=0):
        assert ingest(app=app).lines == ["nothing new"]


def test_a_lake_is_maintained_by_a_verb(project: Path) -> None:
    """Each of its tables is looked after, and the run is written down."""
    app = App.open(project)
    _hours(project.parent / "data", "a", [1.0])
    ingest(app=app)
    rows = maintain(app=app).table
    assert rows.set_index("table")["files_after"].to_dict() == {
        "observations": 1, "forecasts": 0, "scores": 0, "quarantine": 0,
    }  # fmt: skip
    assert app.ledger.find_runs(verb="maintain")["status"].tolist() == ["done"]


def test_revisions_are_kept_for_ever_unless_somebody_says_how_long(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Off by default; the latest view is the same before and after."""
    app, folder = App.open(project), project.parent / "data"
    for value in (1.0, 2.0, 3.0):
        _hours(folder, "a", [value, 7.0])
        ingest(app=app)
    assert maintain(app=app).table["dropped"].sum() == 0
    text = project.read_text()
    project.write_text('keep_revisions = "1D"\n' + text)
    assert maintain(app=App.open(project)).table["dropped"].sum() == 0
    project.write_text('keep_revisions = "1us"\n' + text)
    outcome = maintain(app=App.open(project))
    assert outcome.lines[0].startswith("2 rows dropped, replaced before ")
    assert app.lake.read("observations", latest=False)["y"].tolist() == [3, 7]
    query("observations", as_of="2024-01-01", app=App.open(project))
    assert "as of 2024-01-01 00:00:00+00:00: values that were replaced before" in caplog.text
    project.write_text('keep_revisions = "long"\n' + text)
    with pytest.raises(ConfigError, match=r"keep_revisions: .*long"):
        App.open(project)


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


def test_a_step_that_the_source_does_not_say_is_found(project: Path) -> None:
    """From the times of enough rows; a few that come later do not change it."""
    data, app = project.parent / "data", App.open(project)
    hours = pd.date_range("2024-01-01", periods=48, freq="h")
    days = pd.date_range("2024-01-01", periods=20, freq="B")
    parts = [
        pd.DataFrame({"unique_id": name, "ds": ds, "y": 1.0})
        for name, ds in (("a", hours), ("b", days), ("c", hours[:3]))
    ]
    pd.concat(parts).to_csv(data / "meters.csv", index=False)
    for _ in range(2):
        ingest(app=app)
        assert app.ledger.find_series().set_index("unique_id")["step"].to_dict() == {"a": "h", "b": "B", "c": ""}
        pd.DataFrame({"unique_id": "a", "ds": ["2024-02-01", "2024-02-02"], "y": 1.0}).to_csv(
            data / "late.csv", index=False
        )
