"""The HTTP client of the connectors: what may pass is asked again, what is wrong is never believed."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route

from connectors._http import Http, Refused
from connectors._limits import Limit
from forecaster.errors import ConfigError, SourceError
from tests.standins.base import Fault
from tests.standins.web import WebStandin

Make = Callable[..., Http]


class Echo(WebStandin):
    """Says what it was asked."""

    def routes(self) -> list[Route]:
        return [Route("/echo", self.echo, methods=["GET", "POST"]), Route("/csv", self.csv)]

    def settings(self) -> dict[str, object]:
        return {}

    def names(self) -> list[str]:
        return []

    async def echo(self, request: Request) -> JSONResponse:
        return JSONResponse({"asked": dict(request.query_params), "filler": "x" * 2000})

    async def csv(self, request: Request) -> PlainTextResponse:
        return PlainTextResponse("a,b\n1,2\n", media_type="text/csv")


class Time:
    """A clock that only sleep moves."""

    def __init__(self) -> None:
        self.now, self.slept = 0.0, []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory):
    with Echo(tmp_path_factory.mktemp("echo")) as started:
        yield started


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def made(echo: Echo, time: Time):
    """Makes clients that are closed afterwards."""
    echo.clear()
    with ExitStack() as stack:

        def http(**more) -> Http:
            return stack.enter_context(Http("echo", echo.url, sleep=time.sleep, clock=time.clock, **more))

        yield http


NO_ZONE = Fault(503, {"Retry-After": "Wed, 21 Oct 2015 07:28:00"})
NO_GZIP = Fault(200, {"content-encoding": "gzip"}, "no gzip at all")
HTML = Fault(200, {"content-type": "text/html"}, "<!DOCTYPE html><p>prove that you are human</p>")


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500),
        Fault(503),
        Fault(408),
        Fault(429),
        Fault(cut=True),
        NO_ZONE,
        NO_GZIP,
        HTML,
        Fault(200, body='{"cut": '),
    ],
)
def test_what_may_pass_is_asked_again(echo: Echo, time: Time, made: Make, fault: Fault) -> None:
    """Overload, a cut or corrupt body, a page of HTML: the second answer counts."""
    http = made()
    echo.fault(fault)
    assert http.json("/echo", {"q": 1, "absent": None})["asked"] == {"q": "1"}
    assert len(echo.asked) == 2
    assert len(time.slept) == 1


def test_the_source_says_how_long_to_wait(echo: Echo, time: Time, made: Make) -> None:
    """Retry-After as a number; a wait beyond our patience is an error at once."""
    http = made()
    echo.fault(Fault(429, {"Retry-After": "7"}))
    http.json("/echo")
    assert time.slept == [7]
    echo.fault(Fault(429, {"Retry-After": "9000"}, "daily limit exceeded"))
    with pytest.raises(SourceError, match=r"429, daily limit exceeded; asked 1 time\."):
        http.json("/echo")


def test_what_never_heals_is_an_error_that_says_what_came(echo: Echo, made: Make) -> None:
    """HTML with 200 is one, for JSON and for lines of text alike."""
    http = made()
    for ask in (http.json, http.text):
        echo.fault(*[HTML] * 5)
        with pytest.raises(SourceError, match=r"echo, .*/echo: 200 with .*prove that you are human.*asked 5 times"):
            ask("/echo")


def test_going_round_in_circles_is_an_error_of_the_source(echo: Echo, made: Make) -> None:
    """An address that sends us to itself for ever."""
    echo.fault(*[Fault(302, {"Location": "/echo"})] * 200)
    with pytest.raises(SourceError, match=r"redirects\.; asked 5 times"):
        made().json("/echo")


def test_refusals_are_told_apart(echo: Echo, made: Make) -> None:
    """A wrong key is the user's move; another status is the connector's to explain."""
    http = made(secrets=["s3cret"])
    echo.fault(Fault(401, body="key s3cret is unknown"))
    with pytest.raises(ConfigError, match=r"status 401, key \*\*\* is unknown.*check the secret"):
        http.json("/echo", {"apikey": "s3cret"})
    echo.fault(Fault(404, body="no s3cret here"))
    with pytest.raises(Refused) as refused:
        http.json("/echo", {"apikey": "s3cret"})
    assert (refused.value.status, refused.value.body) == (404, "no *** here")
    assert "s3cret" not in str(refused.value)


def test_a_source_that_is_not_there_is_named(time: Time) -> None:
    """Nobody listens: all attempts, then an error with the address."""
    with (
        Http("gone", "http://127.0.0.1:9", attempts=2, sleep=time.sleep, clock=time.clock) as http,
        pytest.raises(SourceError, match=r"gone, http://127\.0\.0\.1:9/x: .*asked 2 times"),
    ):
        http.json("/x")


def test_the_budget_of_weights_is_kept(time: Time, made: Make) -> None:
    """Ten a minute: calls of weight four go by twos."""
    http = made(limits=[Limit(10, 60)])
    at = []
    for _ in range(5):
        http.json("/echo", weight=4)
        at.append(time.now)
    assert at == [0, 0, 60, 60, 120]
    http.json("/echo", weight=99)
    assert time.now == 180


def test_text_comes_as_lines(made: Make) -> None:
    """As the csv module takes them."""
    with made().text("/csv") as lines:
        assert list(lines) == ["a,b\n", "1,2\n"]


def test_an_answer_without_end_is_cut_off(made: Make) -> None:
    """Memory is bounded, whatever the source sends."""
    with pytest.raises(SourceError, match="more than 100 bytes"):
        made(most_bytes=100).json("/echo")
