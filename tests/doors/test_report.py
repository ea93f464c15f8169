"""The report's table, from what is stored with the version that serves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions import report as reports
from forecaster.actions.ingest import ingest
from forecaster.actions.report import report
from forecaster.app import App
from forecaster.registry.base import CHAMPION
from forecaster.series import synthetic
from forecaster.serving.screen import Screen


@pytest.mark.parametrize("key", ["unique_id", "series"])
def test_the_report_finds_a_series_metrics_by_its_name(key: str, project: Path, tmp_path: Path) -> None:
    """A name of digits is a name; and versions registered before called the column `series`."""
    synthetic.seasonal(1, 60).assign(unique_id="007").to_csv(tmp_path / "data" / "meters.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    (tmp_path / "version").mkdir()
    scores = pd.DataFrame({key: "007", "mase": [0.5, 0.8], "coverage80": 0.8, "model": ["lstm", "seasonal_naive"]})
    scores.to_csv(tmp_path / "version" / "scores.csv", index=False)
    version = app.registry.register("meters", tmp_path / "version", tags={"model": "lstm"})
    app.registry.point("meters", CHAMPION, version.version)
    (row,) = report(out=tmp_path / "report.html", app=app).facts["series"]
    assert (row["MASE"], row["naive"], row["80 % covers"]) == (0.5, 0.8, "80%")


def test_the_report_says_what_it_does_not_draw(app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series beyond those that fit on a page, and events from before the part that is drawn; and in which zone times are."""
    monkeypatch.setattr(reports, "_MOST_SERIES", 1)
    monkeypatch.setattr(reports, "_HORIZONS_SHOWN", 2)
    start = datetime(2024, 1, 1, 3, tzinfo=UTC)
    for number, begun in enumerate((start, start + timedelta(hours=55))):
        times = {"start": begun, "peak": begun, "end": begun + timedelta(hours=1), "is_open": bool(number)}
        row = {"event_id": f"s0@{number}", "unique_id": "s0", "pipeline": "meters", "severity": 4.0, "direction": "up"}
        app.ledger.events.put([{**row, **times}])
    outcome = report(out=tmp_path / "report.html", app=app)
    page = (tmp_path / "report.html").read_text()
    assert "meters: the first 1 of 2 series" in outcome.lines
    for words in (
        "the first 1 of 2 series",
        "All times are UTC",
        "1 of 2 ended before the part",
        "s0@1",
        "still going on",
    ):
        assert words in page, words


def test_a_project_without_series_has_a_report_that_says_so(project: Path, tmp_path: Path) -> None:
    """And no table of nothing, on the page or on the screen."""
    outcome = report(out=tmp_path / "report.html", app=App.open(project))
    assert "forecaster ingest" in (tmp_path / "report.html").read_text()
    Screen().show(outcome)


def test_a_series_that_was_never_scored_is_not_called_free_of_anomalies(app: App, tmp_path: Path) -> None:
    """And one that was is."""
    report(out=tmp_path / "report.html", app=app)
    assert (tmp_path / "report.html").read_text().count("Not scored yet.") == 2
    last = app.lake.last_times("observations", ["s0"])["s0"]
    made = {"as_of": [last], "made_at": [last]}
    app.lake.append("scores", pd.DataFrame({"unique_id": "s0", "ds": [last], "y": 1.0, "is_anomaly": False, **made}))
    report(out=tmp_path / "report.html", app=app)
    page = (tmp_path / "report.html").read_text()
    assert (page.count("Not scored yet."), page.count("No anomaly found.")) == (1, 1)
