"""What is stored, asked for by HTTP: what an answer leaves out is said."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Client as Web
from httpx import MockTransport, Response

from dashboards import series_page
from forecaster.actions.ingest import ingest
from forecaster.actions.query import query
from forecaster.app import App
from forecaster.client import Client
from forecaster.errors import ConfigError, SourceError
from forecaster.series import synthetic
from forecaster.serving import rest

FRAME = synthetic.seasonal(2, 60)


@pytest.fixture
def app(project: Path, tmp_path: Path) -> App:
    """Two series of sixty rows."""
    FRAME.to_csv(tmp_path / "data" / "meters.csv", index=False)
    opened = App.open(project)
    ingest(app=opened)
    return opened


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with Client() as client:
        client._http = TestClient(rest.create(app))
        yield client


def test_an_answer_that_was_cut_says_so(client: Client) -> None:
    """By a header; one that holds all that there is has none."""
    for limit, is_cut in ((119, True), (120, False)):
        answer = client._http.get("/v1/observations", params={"limit": limit})
        assert len(answer.json()) == limit
        assert ("X-Truncated" in answer.headers) == is_cut


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
    for what, option in product(rest._TABLES, ("since", "until", "as_of")):
        answer = client._http.get(f"/v1/{what}", params={option: time})
        assert answer.status_code == status, (what, option)
        assert status == 200 or "is no time" in answer.json()["detail"]


def test_the_newest_rows_come_first_where_asked(client: Client, app: App) -> None:
    """What a limit then cuts is the oldest."""
    newest = client.observations(["s0"], limit=3, newest_first=True)
    assert newest["y"].tolist() == pytest.approx(FRAME["y"][57:60].tolist()[::-1])
    with pytest.raises(ConfigError, match="newest-first"):
        query("series", newest_first=True, app=app)


def test_the_page_shows_the_last_value_of_a_long_series(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are more rows than it draws, it draws the last ones, in order, and says so."""
    monkeypatch.setattr(series_page, "_MOST_POINTS", 20)
    figure, facts, _ = series_page._series(client, "s0", "all")
    observed = next(trace for trace in figure.data if trace.name == "observed")
    assert list(observed.y) == pytest.approx(FRAME["y"][40:60].tolist())
    assert f"{FRAME['y'][59]:.4g}" in str(facts)
    assert "newest 20 values" in str(facts)


@pytest.mark.parametrize(
    ("name", "span", "said"),
    [("NOPE", "all", "no series 'NOPE'"), ("s", "all", "no series 's'"), ("s0", "5y", "span '5y'")],
)
def test_the_page_says_what_there_is_not(client: Client, name: str, span: str, said: str) -> None:
    """A series or a span that an address has made up, also one that is part of a name."""
    with pytest.raises(ConfigError, match=said):
        series_page._series(client, name, span)


def test_the_page_shows_what_is_wrong(client: Client) -> None:
    """As words in the place of facts: its callback answers as for any other series."""
    outputs = "..figure.figure...facts.children...events.children...address.search.."
    inputs = [
        {"id": name, "property": "value", "value": value} for name, value in (("series", "NOPE"), ("span", "all"))
    ]
    with TestClient(series_page.create(client).server) as page:
        answer = page.post(
            "/_dash-update-component",
            json={"output": outputs, "inputs": inputs, "changedPropIds": ["series.value"], "outputs": _OUTPUTS},
        )
    assert answer.status_code == 200
    assert "no series 'NOPE'" in answer.text


_OUTPUTS = [
    {"id": id, "property": of}
    for id, of in (("figure", "figure"), ("facts", "children"), ("events", "children"), ("address", "search"))
]
