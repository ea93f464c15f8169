"""Events after they were found: rules of a project, what people say of them, and who is told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fastapi.testclient import TestClient

from forecaster.actions._feedback import verdicts
from forecaster.actions._looking import found_by, how_of
from forecaster.actions._observed import observed
from forecaster.actions.ingest import ingest
from forecaster.actions.label import label
from forecaster.actions.promote import promote
from forecaster.actions.query import query
from forecaster.actions.replay import replay
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError
from forecaster.evaluation.rehearsal import Rehearsal
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic
from forecaster.serving import rest
from tests.meters import TOLD_METERS

START = pd.Timestamp("2024-01-01")


class Project:
    """Two meters, the first with jumps at 620, 700 (down) and 720, read and scored as far as one likes."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self._data.mkdir()
        self.ruled("{ gap = 5 }")
        self.scored(600, begin=True)

    def ruled(self, rules: str) -> None:
        """With other rules of events."""
        path = self._folder / "forecaster.toml"
        path.write_text(TOLD_METERS.replace("DATA", str(self._data)).replace("RULES", rules))
        self.app = App.open(path)

    def scored(
        self, rows: int, *, begin: bool = False, without: tuple[int, int] = (0, 0), jumps: int = 1
    ) -> list[dict[str, Any]]:
        """Scored up to a row, `without` some of the second meter, with jumps in one or both; gives what people were told by then."""
        frame = synthetic.seasonal(2, 800, noise=0.1, seed=2)
        for start, size in ((620, 9), (700, -9), (720, 9)):
            for series in range(jumps):
                frame.loc[800 * series + start : 800 * series + start + 2, "y"] += size
        frame = frame.drop(frame.index[800 + without[0] : 800 + without[1]])
        frame[frame["ds"] < START + pd.Timedelta(hours=rows)].to_csv(self._data / "meters.csv", index=False)
        ingest("meters", app=self.app)
        if begin:
            train("meters", app=self.app)
            promote("meters", version="1", app=self.app)
        score("meters", app=self.app)
        told = self._folder / "alerts.jsonl"
        return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []


def _utc(row: int) -> pd.Timestamp:
    return (START + pd.Timedelta(hours=row)).tz_localize("UTC")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Scored before the first jump."""
    return Project(tmp_path)


@pytest.mark.slow
def test_nobody_is_told_of_what_was_taken_up(project: Project) -> None:
    """A snooze holds the series' alerts back; when it is over they come, and the event again if it goes on."""
    app = project.app
    first = project.scored(623)
    assert len(first) == 1
    event = first[0]
    assert event["is_open"]
    assert event["lower"] < event["expected"] < event["upper"]
    assert event["model_version"] == "1"
    name = str(event["event_id"])
    label(name, as_="snoozed", until=(datetime.now(UTC) + timedelta(hours=1)).isoformat(), by="ann", app=app)
    assert project.scored(710) == first, "the jump at 700 is recorded, and waits"
    events = app.ledger.events.find(series_ids=["s0"])
    later = events.loc[events["start"] > events.set_index("event_id")["start"][name], "event_id"].tolist()
    assert later
    assert not events.set_index("event_id")["is_open"][name]
    app.ledger.events.label(name, "snoozed", by="ann", until=datetime.now(UTC))
    assert [one["event_id"] for one in project.scored(711)] == [name, *later], "the first is over: not told again"
    label(later[0], as_="false", by="ann", note="a valve", app=app)
    said = query("labels", format="json", app=app)
    assert '"a valve"' in said.text
    with pytest.raises(ConfigError, match="both or neither"):
        label(name, as_="snoozed", app=app)


@pytest.mark.slow
def test_events_of_the_past_are_recorded_and_nobody_is_alerted_to_them(project: Project, tmp_path: Path) -> None:
    """A meter that is new has been there for weeks: what happened to it is shown, with a word on why nobody was told."""
    frame = synthetic.seasonal(1, 640, noise=0.1, seed=2).assign(unique_id="new")
    frame.loc[620:622, "y"] += 9
    frame.to_csv(tmp_path / "data" / "new.csv", index=False)
    ingest("meters", app=project.app)
    watch = RecordingWatch()
    score("meters", app=project.app, watch=watch)
    found = project.app.ledger.events.find(series_ids=["new"])
    assert _utc(620) in found["start"].tolist()
    assert not (tmp_path / "alerts.jsonl").exists()
    (line,) = [line for line in watch.lines if "first scoring" in line]
    assert line.startswith(f"meters: {len(found)} event")


@pytest.mark.slow
def test_events_are_labelled_over_http(project: Project) -> None:
    """By the client, with the command's words and errors."""
    project.scored(640)
    with Client() as client:
        client._http = TestClient(rest.create(project.app), raise_server_exceptions=False)
        name = client.anomalies().iloc[0]["event_id"]
        said = client.label(name, "confirmed", by="ann", note="leak")
        assert said["state"] == "confirmed"
        assert client.anomalies().iloc[0]["state"] == "confirmed"
        assert client.labels()["note"].tolist() == ["leak"]
        with pytest.raises(ConfigError, match="no event 'x'"):
            client.label("x", "false", by="ann")
        with pytest.raises(ConfigError, match="acknowledged"):
            client.label(name, "wrong", by="ann")


@pytest.mark.slow
def test_a_project_has_rules(project: Project) -> None:
    """Those of the file, from the next scoring on."""
    project.ruled('{ gap = 5, direction = "up" }')
    project.scored(800)
    assert set(project.app.ledger.events.find(since=datetime(2024, 1, 26, tzinfo=UTC))["direction"]) == {"up"}


@pytest.mark.slow
def test_other_rules_are_tried_on_stored_scores(project: Project, tmp_path: Path) -> None:
    """As it was stored, the same events; with a rule those that scoring with it finds; at a stricter rate fewer."""
    project.scored(800)
    app = project.app
    scores = app.lake.read("scores")
    same = replay("meters", events=tmp_path / "same.csv", app=app)
    assert same.facts["before"] == same.facts["after"] == scores["event_id"].nunique()
    assert set(pd.read_csv(tmp_path / "same.csv")["event_id"]) == set(scores["event_id"].dropna())
    assert replay("meters", false_alarms="1/100000-rows", app=app).facts["after"] < same.facts["before"]
    out = tmp_path / "down.csv"
    replay("meters", set_={"rules.direction": "down"}, events=out, since="2024-01-26", app=app)
    assert set(pd.read_csv(out)["direction"]) == {"down"}
    assert len(app.lake.read("scores", latest=False)) == len(scores), "nothing is stored"
    with pytest.raises(ConfigError, match="lr: a replay takes"):
        replay("meters", set_={"lr": "1"}, app=app)


@pytest.mark.slow
def test_people_are_told_of_a_silent_sensor(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, when its time-out is over by the clock; when values come back the event is over, and may begin anew."""
    project.ruled('{ gap = 5, silent_after = "6h" }')
    told = project.scored(610)
    assert [(one["direction"], pd.Timestamp(one["start"])) for one in told] == [("silent", _utc(615))] * 2
    ends = project.app.ledger.events.find().set_index("event_id").loc[[one["event_id"] for one in told], "end"]
    assert (ends > pd.Timestamp.now("UTC") - pd.Timedelta(hours=2)).all()
    again = project.scored(640, without=(610, 800))
    assert again[:2] == told
    assert [one["unique_id"] for one in again[2:]] == ["s0", "s0"], "its jump at 620, and its silence after 640"
    silent = project.app.ledger.events.find().set_index("event_id").query("direction == 'silent'")
    assert silent["is_open"].to_dict() == {
        "s0@2024-01-26T15:00:00+00:00": False,
        "s1@2024-01-26T15:00:00+00:00": True,
        "s0@2024-01-27T21:00:00+00:00": True,
    }
    later = datetime.now(UTC) + timedelta(hours=5)
    monkeypatch.setattr(App, "as_of", lambda *_: later)  # as if the clock had gone on
    score("meters", app=project.app)
    assert (project.app.ledger.events.find()["end"] > pd.Timestamp(later) - pd.Timedelta(hours=2)).sum() == 2


@pytest.mark.slow
def test_an_incident_is_told_once(project: Project) -> None:
    """Both meters jump together: one alert, one incident at every door; another pipeline's settings keep them apart."""
    project.ruled("{ gap = 5 }\nincidents = { by = 'pipeline', window = '2h' }")
    told = project.scored(640, jumps=2)
    assert [sorted(one["series"]) for one in told] == [["s0", "s1"]]
    assert len(told[0]["events"]) == 2
    assert told[0]["found_by"] == "distance of one value"
    incident = told[0]["incident_id"]
    assert incident == f"meters@{_utc(620).isoformat()}"
    found = query("incidents", format="json", since="2024-01-26", app=project.app)
    assert f'"{incident}"' in found.text
    assert found.facts["rows"] == 1
    with Client() as client:
        client._http = TestClient(rest.create(project.app))
        shown = client.incidents(["s1"], since="2024-01-26T12:00Z").iloc[0]
        assert (shown["events"], shown["series"], shown["start"]) == (2, ["s0", "s1"], _utc(620))
    assert project.scored(641, jumps=2) == told


def _first(project: Project) -> str:
    """The event of the jump at 620."""
    found = project.app.ledger.events.find(series_ids=["s0"], since=_utc(619), until=_utc(624))
    return str(found["event_id"].iloc[0])


def _raised(project: Project) -> set[int]:
    """Hours of s0 after which alarms were raised from 650 on."""
    scores = project.app.lake.read("scores", series=["s0"], since=_utc(650))
    return set(((scores.loc[scores["is_anomaly"], "ds"] - _utc(0)) // pd.Timedelta("1h")).tolist())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rate", "verdict", "raised"),
    [
        ("1/40-rows", None, {700, 720}),
        ("1/40-rows", "false", {700}),
        ("1/1000-rows", None, {700}),
        ("1/1000-rows", "confirmed", {700, 720}),
    ],
)
def test_what_people_say_changes_the_next_scoring(
    project: Project, rate: str, verdict: str | None, raised: set[int]
) -> None:
    """A jump like one that was called false is none; one like one that was confirmed is no more usual. What was scored stays."""
    project.ruled(f"{{ gap = 5 }}\nfalse_alarms = '{rate}'")
    project.scored(640)
    before = project.app.lake.read("scores", latest=False)
    if verdict is not None:
        label(_first(project), as_=verdict, by="ann", app=project.app)  # type: ignore[arg-type]  # from a list of them
    project.scored(800)
    assert _raised(project) & {700, 720} == raised
    after = project.app.lake.read("scores", latest=False)
    known = after.merge(before[["unique_id", "ds"]], on=["unique_id", "ds"])
    pd.testing.assert_frame_equal(known, before)


@pytest.mark.slow
def test_feedback_is_tried_before_it_is_applied(project: Project) -> None:
    """Events before and after over all rows, and what becomes of those that people spoke of; nothing stored changes."""
    project.ruled("{ gap = 5 }\nfalse_alarms = '1/40-rows'")
    project.scored(800)
    app = project.app
    raised, first = _raised(project), _first(project)
    assert {700, 720} <= raised
    silent = replay("meters", feedback=True, since="2024-01-26", app=app)
    assert silent.facts["before"] == silent.facts["after"]
    label(first, as_="false", by="ann", app=app)
    tried = replay("meters", feedback=True, since="2024-01-26", app=app)
    assert tried.facts["before"] == silent.facts["before"] > tried.facts["after"]
    assert "of 1 called false there would be 1" in tried.lines
    assert _raised(project) == raised
    label(first, as_="open", by="ann", app=app)
    again = replay("meters", feedback=True, since="2024-01-26", app=app)
    assert again.facts == silent.facts


@pytest.mark.slow
def test_confirmed_anomalies_never_train_the_next_model(project: Project) -> None:
    """They are missing in its rows, and the run says how many there were; an expected one comes again by the clock."""
    project.ruled("{ gap = 5 }\nfalse_alarms = '1/100-rows'")
    project.scored(640)
    app, first = project.app, _first(project)
    label(first, as_="confirmed", by="ann", app=app)
    train("meters", app=app)
    facts = app.ledger.find_runs(verb="train", limit=1)["facts"].iloc[0]
    assert facts["confirmed_rows"] == 3
    label(first, as_="expected", every="100h", by="ann", app=app)
    train("meters", app=app)
    assert "confirmed_rows" not in app.ledger.find_runs(verb="train", limit=1)["facts"].iloc[0]
    project.scored(800)
    assert _raised(project) & {700, 720} == {700}
    for wrong, message in (
        ({"as_": "false", "every": "1D"}, "expected only"),
        ({"as_": "expected", "every": "1h"}, "longer than that"),
        ({"as_": "expected", "every": "often"}, "often"),
    ):
        with pytest.raises(ConfigError, match=message):
            label(first, app=app, **wrong)  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.slow
def test_a_labeller_learns_from_what_people_said(project: Project) -> None:
    """Of nothing it knows nothing; taught that the jump at 620 was one, the next of its kind is what it finds strangest."""
    project.scored(800)
    label(_first(project), as_="confirmed", by="ann", app=project.app)
    train("meters", app=project.app)
    promote("meters", version="2", app=project.app)
    file = project.app.settings.file
    quick = "judging = { window = 8, hidden = 16, steps = 100, rows = 64 }"
    file.write_text(file.read_text().replace('detector = "ewma"', f'detector = "labeller"\n{quick}'))
    app = App.open(file)
    one, now = app.settings.chosen("meters")[0], datetime.now(UTC)
    champion = app.registry.resolve("meters", "champion")
    assert champion is not None
    rehearsal = Rehearsal.load(app.registry.fetch(champion) / "rehearsal")
    _, checked = observed(app, one, now)
    said = verdicts(app, ["s0", "s1"], now)
    told, untold = (
        found_by(rehearsal, checked, how_of(app, one), now, some, None)[0].views.scores[640:800, 0]
        for some in (said, said[:0])
    )
    assert set(np.argsort(told)[-2:] + 640) <= {720, 721, 722}
    assert np.ptp(untold[~np.isnan(untold)]) == 0


@pytest.mark.slow
def test_judging_of_a_pipeline_is_that_of_its_replay(project: Project) -> None:
    """A limit on false discoveries drops events where scores are replayed, and where the champion looks again."""
    project.ruled("{ gap = 5 }\nfalse_alarms = '1/20-rows'\njudging = { threshold = 'quantile', fdr = 0.02 }")
    project.scored(800)
    strict = replay("meters", app=project.app)
    project.ruled("{ gap = 5 }\nfalse_alarms = '1/20-rows'\njudging = { threshold = 'quantile' }")
    assert strict.facts["after"] < replay("meters", app=project.app).facts["after"]
    looked = replay("meters", feedback=True, app=project.app)
    assert looked.facts["before"] > strict.facts["after"]
