"""The pages say what somebody on duty has to know, and in words what there is not."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fastapi.testclient import TestClient
from plotly.utils import PlotlyJSONEncoder

from dashboards import pages, series_page, wording
from dashboards.ages import ages, lateness, spared
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError, SourceError
from forecaster.series import synthetic
from forecaster.serving import rest

FRAME = synthetic.seasonal(2, 60)
LAST = FRAME["ds"].max().tz_localize("UTC").to_pydatetime()
HOUR = timedelta(hours=1)


def said(part: Any) -> str:
    """All words of a page."""
    return json.dumps(part, cls=PlotlyJSONEncoder, ensure_ascii=False)


def put(app: App, name: str, hours: int, severity: float, *, is_open: bool, incident: str | None = None) -> str:
    """An event that began so many hours before the last value."""
    start = LAST - hours * HOUR
    event_id = f"{name}@{start.isoformat()}"
    row = {"event_id": event_id, "unique_id": name, "pipeline": "meters", "severity": severity, "direction": "up"}
    row |= {"found_by": "error of one value"} if is_open else {}
    app.ledger.events.put([{**row, "start": start, "peak": start, "end": start + HOUR, "is_open": is_open}])
    if incident:
        app.ledger.events.relate("incident_id", {event_id: incident})
    return event_id


def test_the_first_page_lists_what_is_wrong_in_any_series(client: Client, app: App) -> None:
    """What nobody has taken up and goes on first, the newest incident first and in it the worst; ids can be copied."""
    old = put(app, "s0", 30, 9.0, is_open=True)
    mild = put(app, "s1", 3, 4.0, is_open=True, incident="plant@1")
    worst = put(app, "s0", 3, 22.5, is_open=True, incident="plant@1")
    over = put(app, "s1", 20, 30.0, is_open=False)
    text = said(pages.content(client, None, "3m", LAST))
    assert [text.index(f'"{event_id}"') for event_id in (worst, mild, old, over)] == sorted(
        text.index(f'"{event_id}"') for event_id in (worst, mild, old, over)
    )
    assert "3 events of 2 series still going on that nobody has taken up" in text
    assert text.count("found by") == 3, "an event of an earlier version has no such word"
    assert text.index("Still going on") < text.index(f'"{old}"') < text.index("Over, and not judged yet")
    for words in (
        "incident plant@1",
        "and 1 event more of it",
        "22.5 ↑",
        "p 3e-23",
        "found by: error of one value",
        "3 h ago",
        "UTC",
        "?series=s0&span=1w",
    ):
        assert words in text, words


def test_the_first_page_says_what_was_said(client: Client, app: App) -> None:
    """By whom, why and until when; what was judged is gone, unless it was confirmed and goes on."""
    ids = [put(app, "s0", hours, 5.0, is_open=hours < 10) for hours in (1, 2, 3, 11, 12)]
    app.ledger.events.label(ids[0], "acknowledged", by="ann", note="on my way")
    app.ledger.events.label(ids[1], "snoozed", by="bob", until=datetime(2100, 1, 2, 3, 4, tzinfo=UTC))
    app.ledger.events.label(ids[2], "confirmed", by="bob")
    app.ledger.events.label(ids[3], "confirmed", by="bob")
    app.ledger.events.label(ids[4], "false", by="bob")
    text = said(pages.content(client, None, "3m", LAST))
    assert [f'"{event_id}"' in text for event_id in ids] == [True, True, True, False, False]
    for words in ("by ann: on my way", "until 2100-01-02 03:04", "All that is still going on has been taken up"):
        assert words in text, words


def test_nothing_wrong_is_said_too(client: Client) -> None:
    """In words, not by an empty table."""
    assert "Nothing is going on, and nothing waits to be judged." in said(pages.content(client, None, "3m", LAST))


@pytest.mark.parametrize(("hours", "late"), [(1, False), (5, True)])
def test_the_first_page_says_which_series_is_late(client: Client, hours: int, late: bool) -> None:
    """By its step, which is found where its source does not say it."""
    text = said(ages(client, LAST + hours * HOUR))
    assert ("2 series are late" in text) is late
    assert f"{wording.length(hours * HOUR)} ago" in text
    assert '"children": "h"' in text


@pytest.mark.parametrize(
    ("schedule", "days", "late"),
    [
        ("0 6 * * 1", 7, False),
        ("0 6 * * 1", 8, True),
        ("every 1D", 1, False),
        ("every 1D", 2, True),
        ("wrong", 1, True),
    ],
)
def test_what_is_read_on_a_schedule_is_not_late_before_that(
    client: Client, app: App, project: Path, schedule: str, days: int, late: bool
) -> None:
    """Hourly rows that are fetched once a week are a week old, and nothing is wrong; on the page of a series, too."""
    project.write_text(project.read_text().replace("horizon = 6", f'horizon = 6\nschedule = "{schedule}"'))
    client._http = TestClient(rest.create(App.open(project)))
    assert ("2 series are late" in said(ages(client, LAST + days * 24 * HOUR))) is late
    facts, *_ = series_page.one_series(client, "s0", "all", LAST + days * 24 * HOUR)
    assert (": late" in said(facts)) is late


def test_a_look_that_failed_is_tried_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the next page, not a quarter of an hour later; one that succeeded is kept so long."""
    looks, quality = [], Client.quality

    def away_at_first(self: Client, **asked: Any) -> pd.DataFrame:
        looks.append(asked)
        if len(looks) == 1:
            raise SourceError("no answer")
        return quality(self, **asked)

    monkeypatch.setattr(Client, "quality", away_at_first)
    for count in (1, 2, 2):
        assert "None is late" in said(ages(client, LAST + timedelta(minutes=95)))
        assert len(looks) == count


@pytest.mark.parametrize("there", [True, False])
def test_a_series_whose_last_time_is_not_known_has_a_page(
    client: Client, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Its newest value tells it; where there is none, that is said."""
    known = client.series(limit=1)
    name = known["unique_id"].iloc[0] if there else "new"
    known = known.assign(last_ds=pd.to_datetime(pd.Series([None]), utc=True), unique_id=name)
    monkeypatch.setattr(client, "series", lambda **_: known)
    if there:
        facts, *_ = series_page.one_series(client, name, "1w", LAST + HOUR)
        assert "1 h ago" in said(facts) or "60 min ago" in said(facts)
    else:
        monkeypatch.setattr(client, "observations", lambda *_, **__: pd.DataFrame())
        with pytest.raises(ConfigError, match="series 'new' has no values yet"):
            series_page.one_series(client, name, "1w", LAST)


def test_a_weekend_makes_no_series_of_sessions_late() -> None:
    """Its Friday's value is its newest on Monday; one without a step is never called late."""
    series = {"calendar": "", "step": "D", "read_every_s": None}
    friday, day = datetime(2024, 3, 1, tzinfo=UTC), timedelta(days=1)
    assert (
        lateness(friday, day, friday + 3.5 * day, spared({**series, "calendar": "XNYS"}))
        < 1
        < lateness(friday, day, friday + 3.5 * day, spared(series))
    )
    assert lateness(friday, None, friday + 99 * day, spared(series)) == 0


def test_what_was_never_scored_is_not_called_free_of_anomalies(client: Client, app: App) -> None:
    """On the first page by pipelines, on that of a series by its span; the title is the project's name."""
    first, one = said(pages.content(client, None, "3m", LAST)), said(pages.content(client, "s0", "3m", LAST))
    assert "Not scored yet: meters." in first
    assert "Nothing of this span has been scored yet" in one
    made = {"as_of": [LAST], "made_at": [LAST]}
    app.lake.append("scores", pd.DataFrame({"unique_id": "s0", "ds": [LAST], "y": 1.0, "is_anomaly": False, **made}))
    first, one = said(pages.content(client, None, "3m", LAST)), said(pages.content(client, "s0", "3m", LAST))
    assert "Not scored yet" not in first
    assert "No anomaly in this span." in one
    assert "<title>test</title>" in TestClient(pages.create(client).server).get("/").text


def test_a_project_without_series_says_what_to_do(project: Path) -> None:
    """And draws nothing."""
    with Client() as client:
        client._http = TestClient(rest.create(App.open(project)))
        text = said(pages.content(client, None, "3m", LAST))
        assert "No series" in said(ages(client, LAST))
    assert "forecaster ingest" in text
    assert "figure" not in text


def test_the_page_shows_the_last_value_of_a_long_series(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more rows than it draws, it draws the last ones, in order, and says so; and how old the last one is."""
    monkeypatch.setattr(series_page, "_MOST_POINTS", 20)
    facts, graph, _ = series_page.one_series(client, "s0", "all", LAST + 5 * HOUR)
    observed = next(trace for trace in graph.figure.data if trace.name == "observed")
    assert list(observed.y) == pytest.approx(FRAME["y"][40:60].tolist())
    assert f"{FRAME['y'][59]:.4g}" in said(facts)
    assert "newest 20 values" in said(facts)
    assert "5 h ago, step 60 min: late" in said(facts)
    assert graph.figure.layout.xaxis.title.text == "UTC"


@pytest.mark.parametrize(
    ("name", "span", "words"),
    [("NOPE", "all", "no series 'NOPE'"), ("s", "all", "no series 's'"), ("s0", "5y", "span '5y'")],
)
def test_the_page_says_what_there_is_not(client: Client, name: str, span: str, words: str) -> None:
    """A series or a span that an address has made up, also one that is part of a name."""
    with pytest.raises(ConfigError, match=words):
        series_page.one_series(client, name, span, LAST)


def test_the_page_shows_what_is_wrong(client: Client) -> None:
    """As words in the place of the figure: its callback answers as for any other series."""
    given = {"address": ("search", "?series=NOPE"), "dark": ("data", False), "clock": ("n_intervals", 0)}
    inputs = [{"id": id, "property": of, "value": value} for id, (of, value) in given.items()]
    asked = {"output": "content.children", "inputs": inputs, "changedPropIds": ["address.search"]}
    with TestClient(pages.create(client).server) as page:
        answer = page.post(
            "/_dash-update-component", json={**asked, "outputs": {"id": "content", "property": "children"}}
        )
    assert answer.status_code == 200
    assert "No series 'NOPE'" in answer.text
    assert "figure" not in answer.text


@pytest.mark.parametrize(
    ("seconds", "words"), [(1, "1 s"), (119, "119 s"), (600, "10 min"), (7200, "2 h"), (200_000, "2 d"), (0, "0 s")]
)
def test_a_length_of_time_has_one_unit(seconds: float, words: str) -> None:
    """The largest of which there are two."""
    assert wording.length(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("step", "days"), [("D", 1), ("B-XNYS", 1), ("W-SUN", 7), ("10min", 1 / 144), ("MS", 30), ("", None), ("odd", None)]
)
def test_a_step_has_a_length(step: str, days: float | None) -> None:
    """Its usual one, where it varies."""
    found = wording.step_of(step)
    assert found == (None if days is None else pd.Timedelta(days=days))
