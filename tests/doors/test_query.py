"""What is stored, asked for by HTTP: what an answer leaves out is said."""

import csv
import io
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from httpx import Client as Web
from httpx import MockTransport, Response

from forecaster.actions.query import query
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError, SourceError
from forecaster.query_tables import QUERY_TABLES
from forecaster.series import synthetic
from forecaster.series.source import Slice

FRAME = synthetic.seasonal(2, 60)


def test_an_answer_that_was_cut_says_so(client: Client) -> None:
    """By a header; one that holds all that there is has none."""
    for limit, is_cut in ((119, True), (120, False)):
        answer = client._http.get("/v1/observations", params={"limit": limit})
        assert len(answer.json()) == limit
        assert ("X-Truncated" in answer.headers) == is_cut


def test_the_series_of_an_incident_are_told_apart(client: Client, app: App, tmp_path: Path) -> None:
    """Though a name may have a comma: as a list, or as a line of CSV in its cell; a person reads them as they are."""
    names, start = ["flow, north", "s0"], datetime(2024, 1, 2, tzinfo=UTC)
    for number, name in enumerate(names):
        at = start.replace(hour=number)
        event = {"event_id": name, "unique_id": name, "pipeline": "meters", "severity": 5.0, "direction": "up"}
        app.ledger.events.put([{**event, "start": at, "peak": at, "end": at, "is_open": True}])
        app.ledger.events.relate("incident_id", {name: "i"})
    assert client.incidents()["series"].tolist() == [names]
    for kind in ("parquet", "jsonl", "csv"):
        query("incidents", out=tmp_path / f"out.{kind}", app=app)
    assert pd.read_parquet(tmp_path / "out.parquet")["series"].iloc[0].tolist() == names
    assert json.loads((tmp_path / "out.jsonl").read_text())["series"] == names
    shown = query("incidents", format="csv", app=app).text
    assert (tmp_path / "out.csv").read_text() == shown
    (cell,) = pd.read_csv(io.StringIO(shown))["series"]
    assert next(csv.reader([cell])) == names
    table = query("incidents", app=app).table
    assert table is not None
    assert table["series"].tolist() == ["flow, north, s0"]


def test_a_client_never_takes_a_part_for_the_whole(client: Client) -> None:
    """Where no limit was asked for, an answer cut at the API's own is an error."""
    assert len(client.observations(limit=50)) == 50
    assert len(client.observations()) == 120
    client._http.params = {"limit": 100}  # as if that were the API's own
    with pytest.raises(ConfigError, match="more than 100 rows"):
        client.observations()


@pytest.mark.parametrize("status", [200, 404])
def test_an_address_that_is_no_api_is_named(status: int) -> None:
    """Whatever answers there, with a page of HTML."""
    with Client() as client:
        page = MockTransport(lambda asked: Response(status, html="<p>not here</p>"))
        client._http = Web(base_url="http://there", transport=page)
        with pytest.raises(SourceError, match=rf"http://there/.*{status} with a body that is no JSON.*not here"):
            client.series()


@pytest.mark.parametrize("what", QUERY_TABLES)
def test_every_table_that_is_described_can_be_queried(what: str, app: App) -> None:
    """A table with rows shows the columns that its description names first."""
    table = query(what, app=app).table
    assert table is None or table.columns[0] == QUERY_TABLES[what].shown[0]
    assert table is not None or what in {
        "forecasts",
        "scores",
        "anomalies",
        "incidents",
        "labels",
        "models",
        "performance",
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("time", "status"),
    [
        ("0001-01-01T00:00Z", 200),
        ("9999-12-31T23:59:59.999999Z", 200),
        ("0001-01-01T00:00+14:00", 400),
        ("9999-12-31T23:59:59-12:00", 400),
    ],
)
def test_the_ends_of_time_are_times(client: Client, time: str, status: int) -> None:
    """The first and the last that there are, of whatever is asked; one that is beyond them in UTC is none."""
    for what, option in product(QUERY_TABLES, ("since", "until", "as_of")):
        if option in QUERY_TABLES[what].refused or not QUERY_TABLES[what].is_served:
            continue
        answer = client._http.get(f"/v1/{what}", params={option: time})
        assert answer.status_code == status, (what, option)
        assert status == 200 or "is no time" in answer.json()["detail"]


def test_the_newest_rows_come_first_where_asked(client: Client, app: App) -> None:
    """What a limit then cuts is the oldest."""
    newest = client.observations(["s0"], limit=3, newest_first=True)
    assert newest["y"].tolist() == pytest.approx(FRAME["y"][57:60].tolist()[::-1])
    with pytest.raises(ConfigError, match="newest-first"):
        query("series", newest_first=True, app=app)


def test_a_time_to_come_is_no_time_of_which_something_is_known(client: Client, app: App) -> None:
    """Scoring and training refuse it, with the time that it is; a query takes it for now."""
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    for verb in (score, train):
        with pytest.raises(ConfigError, match=r"--as-of \S+ is still to come: it is \S+\. Leave it out"):
            verb("meters", as_of=later, app=app)
    assert app.ledger.find_runs(verb="score").empty
    assert len(client.observations(as_of=later)) == len(client.observations())
    ages = [client.quality(as_of=as_of)["age_s"].max() for as_of in (None, later)]
    assert ages[1] - ages[0] < 60


def test_events_are_asked_for_by_their_state(client: Client, app: App) -> None:
    """As it was said last; of nothing else, and no state that there is not."""
    app.ledger.events.put([event("a"), event("b")])
    app.ledger.events.label("b", "confirmed", by="ann")
    assert client.anomalies(state="open")["event_id"].tolist() == ["a"]
    assert client.anomalies(state="confirmed")["event_id"].tolist() == ["b"]
    assert len(client.anomalies()) == 2
    assert client._http.get("/v1/anomalies", params={"state": "opne"}).status_code == 422
    with pytest.raises(ConfigError, match=r"^state is for anomalies, not for scores"):
        client.scores(state="open")


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("anomalies", {"state": "opne"}, "parameter 'state': expected one of .*, got 'opne'. Did you mean 'open'?"),
        ("series", {"limit": "some"}, "parameter 'limit': expected an integer, got 'some'."),
        ("series", {"limit": 0}, "parameter 'limit': expected at least 1, got '0'."),
        ("scores", {"limit": 200_000}, "parameter 'limit': expected at most 100,000, got '200000'."),
        ("scores", {"newest_first": "maybe"}, "parameter 'newest_first': expected true or false, got 'maybe'."),
    ],
)
def test_a_value_that_cannot_be_is_refused(client: Client, path: str, asked: dict[str, str | int], said: str) -> None:
    """In one sentence with the parameter's name, as problems are told, not in the words of a library."""
    answer = client._http.get(f"/v1/{path}", params=asked)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert re.fullmatch(said.replace("?", r"\?"), answer.json()["detail"])


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"event": "a", "as": "hmm", "by": "ann"}, "field 'as': expected one of acknowledged, .*, got 'hmm'."),
        ({"event": "a", "by": "ann"}, "field 'as' is missing."),
        ({"event": "a", "as": "open", "by": 1}, "field 'by': expected a text, got 1."),
        (
            {"event": "a", "as": "open", "by": "ann", "nots": "x"},
            r"unknown field 'nots'. Did you mean 'note'\? Known: as, .*",
        ),
        ([], "the body is no JSON object. .*"),
        ("{", "the body is no JSON: .*"),
    ],
)
def test_a_label_that_cannot_be_is_refused(client: Client, body: object, said: str) -> None:
    """A wrong word, a field that is not there, a body that is none."""
    content = body if isinstance(body, str) else json.dumps(body)
    answer = client._http.post("/v1/labels", content=content, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["title"]) == (422, "ConfigError")
    assert re.fullmatch(said, answer.json()["detail"]), answer.json()["detail"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"since": "soon"}, "since: "),
        ({"as_of": "soon"}, "as_of: "),
        ({"state": "open"}, "state is for anomalies, not for observations."),
    ],
)
def test_an_error_names_parameters(client: Client, asked: dict[str, str], said: str) -> None:
    """Not flags of the command line."""
    answer = client._http.get("/v1/observations", params=asked)
    assert (answer.status_code, answer.json()["title"]) == (400, "ConfigError")
    assert answer.json()["detail"].startswith(said)
    assert "--" not in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"as": "snoozed"}, "until TIME says how long an event is snoozed: both or neither."),
        ({"as": "open", "every": "1D"}, "every 1D is for as expected only."),
        ({"as": "open", "by": ""}, "by is empty: name who says so."),
    ],
)
def test_an_error_names_fields(client: Client, body: dict[str, str], said: str) -> None:
    """Not flags of the command line."""
    answer = client._http.post("/v1/labels", json={"event": "a", "by": "ann", **body})
    assert (answer.status_code, answer.json()["detail"]) == (400, said)


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        (
            "GET",
            "/v1/observation",
            404,
            "there is no path '/v1/observation'. Did you mean '/v1/observations'? /docs lists all.",
        ),
        ("GET", "/", 404, "there is no path '/'. /docs lists all."),
        ("DELETE", "/v1/labels", 405, "/v1/labels takes GET, POST, not DELETE. /docs says what each does."),
        ("POST", "/v1/series", 405, "/v1/series takes GET, not POST. /docs says what each does."),
        ("POST", "/docs", 405, "/docs takes GET, not POST. /docs says what each does."),
    ],
)
def test_a_wrong_path_or_method_is_a_problem_as_all(
    client: Client, method: str, path: str, status: int, said: str
) -> None:
    """With a word on where the right ones are, and in the header the methods that there are."""
    answer = client._http.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    body = {"type": "about:blank", "title": "ConfigError", "status": status, "detail": said, "instance": path}
    assert answer.json() == body
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("path", ["observations", "series"])
def test_a_parameter_that_there_is_not_is_refused(client: Client, path: str) -> None:
    """With the names that there are; ignored, it would give rows of other series."""
    answer = client._http.get(f"/v1/{path}", params={"serie": "s0"})
    assert (answer.status_code, answer.json()["status"]) == (422, 422)
    assert answer.json()["detail"].startswith(
        "unknown parameter 'serie'. Did you mean 'series'?" if path != "series" else "unknown parameter 'serie'."
    )
    assert "limit" in answer.json()["detail"]
    assert "state" not in answer.json()["detail"]


@pytest.mark.parametrize("what", ["observations", "forecasts", "scores", "anomalies", "quality"])
def test_a_series_that_there_is_not_is_a_problem(client: Client, what: str) -> None:
    """With the nearest name, also beside one that there is; one that has no such rows yet has none, and that is no problem."""
    answer = client._http.get(f"/v1/{what}", params={"series": ["s0", "S1"]})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["detail"] == "no series is called 'S1'. Did you mean 's1'?"
    assert answer.json()["title"] == "ConfigError"
    with pytest.raises(ConfigError, match=r"^no series is called 'S1'\. Did you mean 's1'\?$"):
        getattr(client, what)(["S1"])
    assert client.forecasts(["s0"]).empty


def test_a_name_that_no_series_has_is_told(app: App) -> None:
    """Beside the rows that there are not, with the nearest name; a program gets its empty table alone."""
    assert query("observations", series=["S0"], app=app).lines == [
        "no rows",
        "no series is called 'S0'. Did you mean 's0'?",
    ]
    assert query("forecasts", series=["s0"], app=app).lines == ["no rows"]
    assert query("observations", series=["S0"], format="json", app=app).lines == []


def test_all_that_is_asked_for_counts(client: Client, app: App) -> None:
    """Every text of a series, a pipeline beside names, both ends of a span; what says nothing of a table is refused."""
    names = ["s0", "s1"]
    assert query("series", series=names, app=app).table["unique_id"].tolist() == names
    app.ledger.add_to_slice("others", Slice("file", "v1"), series=[{"unique_id": "x", "stream": "others"}])
    app.ledger.events.put([event("a"), event("b") | {"unique_id": "x", "pipeline": "others"}])
    assert query("anomalies", pipeline="meters", series=["s0", "x"], app=app).table["event_id"].tolist() == ["a"]
    app.ledger.events.label("a", "confirmed", by="ann")
    for what in ("labels", "slices"):
        assert len(query(what, since="2024-01-01", app=app).table) > 0
        assert query(what, until="2024-01-01", app=app).table is None
    assert query("labels", as_of="2024-01-01", app=app).table is None
    for what, option in (("watermarks", "since"), ("series", "as_of"), ("runs", "series")):
        with pytest.raises(ConfigError, match=f"--{option.replace('_', '-')} is not for {what}"):
            query(what, app=app, **{option: ["s0"] if option == "series" else "2024-01-01"})


def event(event_id: str) -> dict[str, Any]:
    """An event of the first series."""
    start = datetime(2024, 1, 2, tzinfo=UTC)
    times = {"start": start, "peak": start, "end": start}
    return {"event_id": event_id, "unique_id": "s0", "pipeline": "meters", "severity": 4.0, **times}
