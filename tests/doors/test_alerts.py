"""Alerts: their settings are looked at before anything is to be told, and each is told once."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from forecaster.actions._telling import tell
from forecaster.actions.check import check
from forecaster.alerts.base import Alert
from forecaster.app import App
from forecaster.errors import SourceError
from forecaster.store.ledger import Ledger

PROJECT = '[pipelines.meters]\nsource = "files"\noptions = { path = "*.csv" }\nhorizon = 4\nalerts = ["webhook"]\n'


def _problems(folder: Path, settings: str) -> list[str]:
    path = folder / "forecaster.toml"
    path.write_text(f"{PROJECT}[alerts.webhook]\n{settings}")
    (folder / "some.csv").write_text("unique_id,ds,y\na,2024-01-01,1\n")
    found: list[str] = check(app=App.open(path)).facts["problems"]["meters"]
    return found


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("", "alert 'webhook': set url, such as https://example.org/hook"),
        ('url = "example.org/hook"', "alert 'webhook': set url, such as https://example.org/hook"),
        ('url = "http://[::1"', "alert 'webhook': url is no address"),
        ('url = "http://example.org:port/"', "alert 'webhook': url is no address"),
        ('url = "https://example.org"\ntimeout = 3', "alert 'webhook': unknown setting 'timeout'"),
    ],
)
def test_check_refuses_wrong_settings_of_an_alert(tmp_path: Path, settings: str, problem: str) -> None:
    """They are a pipeline's problem as those of its source are; nothing is sent."""
    (found,) = _problems(tmp_path, settings)
    assert found.startswith(f"forecaster.toml: pipelines.meters.alerts: {problem}")


def test_check_takes_right_settings_of_an_alert(tmp_path: Path) -> None:
    """Whoever answers there, or does not."""
    assert _problems(tmp_path, 'url = "http://127.0.0.1:1/hook"') == []


NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class Kept(Alert):
    """Keeps what it is told, or fails."""

    def __init__(self) -> None:
        super().__init__(None)
        self.told: list[list[str]] = []
        self.fails = False

    def send(self, pipeline: str, events: Sequence[Mapping[str, Any]]) -> None:
        if self.fails:
            raise SourceError("nobody answers")
        self.told += [event["events"] for event in events]


class Told:
    """A pipeline with two alerts, and its events."""

    def __init__(self, project: Path) -> None:
        self.app = App.open(project)
        self.pipeline = self.app.settings.pipeline("meters")
        self.alerts = {"first": Kept(), "second": Kept()}
        self.first, self.second = self.alerts.values()

    def happens(self, name: str, incident: str = "") -> None:
        """An event that people are to be told of, perhaps in an incident with others."""
        event = {"event_id": name, "unique_id": "s0", "pipeline": "meters", "severity": 5.0, "is_open": True}
        self.app.ledger.events.put([{**event, "start": NOON, "peak": NOON, "end": NOON, "to_tell": True}])
        self.app.ledger.events.relate("incident_id", {name: incident or name})

    def tell(self, *alerts: str) -> tuple[int, str]:
        """Told by some alerts, or by both."""
        return tell(self.app, self.pipeline, {name: self.alerts[name] for name in alerts or self.alerts})


@pytest.fixture
def told(project: Path) -> Told:
    return Told(project)


@pytest.mark.parametrize("failing", ["first", "second"])
def test_an_alert_is_told_once_though_another_fails(told: Told, failing: str) -> None:
    """The one that failed is told when it answers again; only then is the event one of which people know."""
    broken = told.alerts[failing]
    well = told.second if broken is told.first else told.first
    told.happens("a")
    broken.fails = True
    for _ in range(2):
        assert told.tell() == (0, "nobody answers")
    told.happens("b")
    told.tell()
    assert (well.told, broken.told) == ([["a"], ["b"]], [])
    assert told.app.ledger.events.find()["notified_at"].isna().all()
    broken.fails = False
    assert told.tell() == (2, "")
    assert (len(well.told), sorted(broken.told)) == (2, [["a"], ["b"]])
    assert told.app.ledger.events.find()["notified_at"].notna().all()
    assert told.tell() == (0, "")


def test_an_event_that_joins_what_an_alert_knows_is_no_news_to_it(told: Told) -> None:
    """To the other one it is a part of the incident."""
    told.happens("a", "i")
    told.second.fails = True
    told.tell()
    told.happens("b", "i")
    told.tell()
    told.second.fails = False
    assert told.tell() == (1, "")
    assert told.first.told == [["a"]]
    assert told.second.told == [["a", "b"]]


def test_an_alert_that_is_taken_from_the_pipeline_is_not_waited_for(told: Told) -> None:
    """And one that is added is told of what waits."""
    told.happens("a")
    told.second.fails = True
    told.tell()
    assert told.tell("first") == (1, "")
    assert told.first.told == [["a"]]
    told.happens("b")
    told.first.fails, told.second.fails = True, False
    told.tell("first")
    told.tell()
    assert told.second.told == [["b"]]


def test_what_goes_on_after_a_snooze_is_told_again_by_all(told: Told) -> None:
    """Though one of them had taken it before."""
    told.happens("a")
    told.second.fails = True
    told.tell()
    told.app.ledger.events.label("a", "snoozed", by="ann", until=NOON)
    told.app.ledger.events.wake("meters", datetime.now(UTC))
    told.second.fails = False
    assert told.tell() == (1, "")
    assert (told.first.told, told.second.told) == ([["a"], ["a"]], [["a"]])


def test_a_ledger_without_deliveries_is_opened(told: Told) -> None:
    """One of an earlier version: its waiting events are told by all alerts."""
    told.happens("a")
    ledger = told.app.ledger
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE deliveries"))
    assert Ledger.open(ledger.url).events.delivered(["a"]) == {}
    assert told.tell() == (1, "")
    assert told.first.told == told.second.told == [["a"]]
