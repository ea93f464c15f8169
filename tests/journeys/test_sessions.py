"""A share of New York from its source to what is asked of it: the sessions of its exchange are its steps."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions._observed import observed
from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.query import query
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.series.sessions import sessions
from tests.standins.base import SECRET
from tests.standins.tiingo import Tiingo

pytest.importorskip("exchange_calendars", reason="needs the extra calendar")

PROJECT = """
name = "shares"
tracking = "jsonl_tracking"
tracking_uri = ".forecaster/runs"
registry = "folder_registry"
registry_uri = ".forecaster/models"

[pipelines.shares]
source = "tiingo"
options = {{ url = "{url}", tickers = ["KO"], fields = ["close"], key = "{key}", calendar = "{calendar}", start = "{start}" }}
horizon = 5
model = "gru"
settings = {{ steps = 12, size = "s", validations = 2, rows = 4, stretch = 32 }}
"""
CLOSED = {"2024-12-25", "2025-01-01", "2025-01-09"}
"""NYSE: Christmas, New Year, and the day of mourning for President Carter."""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiingo]:
    with Tiingo(tmp_path_factory.mktemp("tiingo")) as started:
        started.weight_limit = (50.0, 3600.0)
        yield started


def _put(source: Tiingo, days: Iterable[pd.Timestamp]) -> None:
    rows = pd.DataFrame({"unique_id": "KO/close", "ds": list(days)})
    source.put(rows.assign(y=60 + (rows["ds"] - pd.Timestamp("2020-01-01", tz="UTC")).dt.days % 7))


def _taken(source: Tiingo, folder: Path, without: set[str], calendar: str = "XNYS") -> App:
    """A project that has read the share from December to January, but for some days."""
    source.clear()
    _put(source, (d for d in pd.bdate_range("2024-12-02", "2025-01-31", tz="UTC") if f"{d:%Y-%m-%d}" not in without))
    return _read(source, folder, calendar, "2024-12-02")


def _read(source: Tiingo, folder: Path, calendar: str, start: str) -> App:
    (folder / "forecaster.toml").write_text(PROJECT.format(url=source.url, key=SECRET, calendar=calendar, start=start))
    app = App.open(folder / "forecaster.toml")
    assert ingest(app=app).skipped == 0
    return app


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "hunter2hunter2")


@pytest.mark.parametrize(
    ("lost", "problems"),
    [
        (set(), ""),
        ({"2024-12-26"}, "1 gap, the longest of 2 days"),
        ({"2025-01-10", "2025-01-14"}, "2 gaps, the longest of 2 days"),
    ],
)
def test_closed_days_are_no_gaps_and_a_lost_bar_is(
    source: Tiingo, tmp_path: Path, lost: set[str], problems: str
) -> None:
    """`query quality`: weekends and holidays are none; a bar that is lost beside one leaves two sessions between its neighbours."""
    app = _taken(source, tmp_path, CLOSED | lost)
    [row] = query("quality", app=app).table.to_dict("records")
    assert row["problems"] == problems


@pytest.mark.parametrize(("calendar", "step", "holes"), [("XNYS", "B-XNYS", 0), ("", "B", 3)])
def test_a_pipeline_takes_the_sessions_for_its_steps(
    source: Tiingo, tmp_path: Path, calendar: str, step: str, holes: int
) -> None:
    """With a calendar closed days are no holes in what a model learns from; without one they are missing values."""
    app = _taken(source, tmp_path, CLOSED, calendar)
    _, checked = observed(app, app.settings.pipeline("shares"), pd.Timestamp.now("UTC").to_pydatetime())
    [grid] = checked.grids
    assert grid.frequency.alias == step
    assert int(np.isnan(grid.y).sum()) == holes


@pytest.mark.slow
def test_a_champion_forecasts_for_the_next_sessions(source: Tiingo, tmp_path: Path) -> None:
    """Trained and scored on Christmas Eve, and from there on two days later: no forecast is for a closed day."""
    source.clear()
    days = pd.DatetimeIndex(sessions("XNYS").between("2024-03-01", "2024-12-27").astype("datetime64[us]"), tz="UTC")
    _put(source, days[:-2])
    app = _read(source, tmp_path, "XNYS", "2024-03-01")
    train(app=app)
    promote(app=app)
    assert _forecast_days(app) == ["12-26", "12-27", "12-30", "12-31", "01-02"]
    _put(source, days[-2:])
    ingest(app=app, since="2024-12-20", again=True)
    assert _forecast_days(app) == ["12-30", "12-31", "01-02", "01-03", "01-06"]


def _forecast_days(app: App) -> list[str]:
    """Of the newest forecasts, after a scoring."""
    score(app=app)
    forecasts = app.lake.read("forecasts", latest=False)
    newest = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()].sort_values("ds")
    return list(newest["ds"].dt.strftime("%m-%d"))


def test_the_ledger_says_what_the_series_is(source: Tiingo, tmp_path: Path) -> None:
    """Unit, calendar and terms of the source, as `query series` gives them."""
    app = _taken(source, tmp_path, CLOSED)
    [row] = query("series", app=app).table.to_dict("records")
    assert (row["unique_id"], row["domain"], row["unit"], row["step"]) == ("KO/close", "finance", "USD", "B")
    [row] = app.ledger.find_series().to_dict("records")
    assert row["calendar"] == "XNYS"
    assert "Tiingo" in row["licence"]
