"""The REST API: `forecaster query` and `forecaster label` over HTTP.

Run it with `python -m forecaster.serving.rest forecaster.toml 8000`.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import uvicorn
from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field

from forecaster.actions import base
from forecaster.actions.label import label
from forecaster.actions.query import query
from forecaster.app import App
from forecaster.errors import ConfigError, DiskError, ForecasterError, did_you_mean, unknown_name
from forecaster.query_tables import QUERY_TABLES
from forecaster.quiet import hush
from forecaster.serving.said_wrongly import said_wrongly
from forecaster.without_flags import told

__all__ = ["create", "main"]

_MOST_ROWS = 100_000

Pipeline = Annotated[str | None, Query(description="Only rows of this pipeline. Default: all.")]
Series = Annotated[list[str] | None, Query(description="Names of series; repeat it for several. Default: all.")]
Time = Annotated[str | None, Query(description="RFC 3339 time; without a zone it is UTC.")]
State = Annotated[base.State | None, Query(description="Only anomalies with this label, e.g. open.")]
Limit = Annotated[int, Query(ge=1, le=_MOST_ROWS, description="Greatest number of rows.")]
Newest = Annotated[bool, Query(description="Newest rows first, so that the limit cuts the oldest.")]
Format = Annotated[Literal["json", "csv"], Query(description="json: a list of records; csv: with a header.")]


class Label(BaseModel):
    """The parameters of `forecaster label`."""

    model_config = ConfigDict(extra="forbid")

    event: str
    as_: base.State = Field(alias="as")
    until: str | None = None
    every: str | None = None
    by: str
    note: str = ""


def main() -> None:
    """Serve a project on a port of this machine."""
    hush()
    project, port = Path(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(create(App.open(project)), host="127.0.0.1", port=port, log_level="warning")


def create(app: App) -> FastAPI:
    """The API of an opened project."""
    about = (
        "Read series, observations, forecasts and anomalies, and label events. Times are in UTC; `since` is included, `until` "
        "is not. If there are more rows than `limit`, the answer has the header X-Truncated."
    )
    # FastAPI's own page of documentation is blank without the internet.
    api = FastAPIOffline(title="forecaster", version="1", description=about, dependencies=[Depends(_require_known)])
    api.add_exception_handler(ForecasterError, _problem)
    api.add_exception_handler(RequestValidationError, _invalid)
    api.add_exception_handler(404, _no_path)
    api.add_exception_handler(405, _no_method)

    @api.get("/healthz", summary="Does the store answer?")
    def healthz() -> JSONResponse:
        try:
            known = {"series": app.ledger.count_series(), "lake": app.lake.version("observations")}
            facts = {"status": "ok", "project": app.settings.name, **known}
        except Exception as error:
            return JSONResponse({"status": "failing", "error": str(error)}, status_code=503)
        return JSONResponse(facts)

    @api.get("/v1/series", summary=QUERY_TABLES["series"].about)
    def series(text: str | None = None, limit: Limit = 1_000, format: Format = "json") -> Response:
        return _answer(app, "series", format, series=[text] if text else None, limit=limit)

    @api.post("/v1/labels", summary="Label an event", status_code=201)
    def say(said: Label) -> JSONResponse:
        outcome = label(
            said.event, as_=said.as_, until=said.until, every=said.every, by=said.by, note=said.note, app=app
        )
        return JSONResponse(outcome.facts, status_code=201)

    for what, table in QUERY_TABLES.items():
        if table.is_served and what != "series":
            api.get(f"/v1/{what}", summary=table.about, name=what)(_endpoint(app, what))
    return api


def _endpoint(app: App, what: str) -> Callable[..., Response]:
    """The endpoint of a table; all have the same parameters."""

    def ask(
        pipeline: Pipeline = None,
        series: Series = None,
        since: Time = None,
        until: Time = None,
        as_of: Time = None,
        state: State = None,
        limit: Limit = 10_000,
        newest_first: Newest = False,
        format: Format = "json",
    ) -> Response:
        asked = {"series": series, "since": since, "until": until, "as_of": as_of, "limit": limit}
        return _answer(app, what, format, pipeline=pipeline, state=state, newest_first=newest_first, **asked)

    return ask


def _answer(app: App, what: str, format: Format, **asked: object) -> Response:
    outcome = query(what, format=format, app=app, **asked)  # type: ignore[arg-type]  # the endpoints above have the types
    kind = "text/csv" if format == "csv" else "application/json"
    return Response(outcome.text, media_type=kind, headers={"X-Truncated": "true"} if outcome.facts["is_cut"] else None)


class _WrongParameter(ConfigError):
    """A parameter that the endpoint does not have, or a value that it cannot have."""


def _require_known(request: Request) -> None:
    """Raises: _WrongParameter for a parameter that would be ignored, with the known ones"""
    known = _parameters(request)
    for name in request.query_params:
        if name not in known:
            raise _WrongParameter(f"{unknown_name('parameter', name, known)}")


def _parameters(request: Request) -> set[str]:
    """Names of the parameters that a request may have; none where no path is its own."""
    route = request.scope.get("route")
    return {one.alias for one in route.dependant.query_params} if route else set()


def _fields(request: Request) -> set[str]:
    """Names of the fields that the body of a request may have."""
    fields = Label.model_fields.items() if request.method == "POST" else ()
    return {field.alias or name for name, field in fields}


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    """A request with values that cannot be, in the same form."""
    assert isinstance(error, RequestValidationError), "the handler is for these"
    return await _problem(request, _WrongParameter(said_wrongly(error.errors(), _fields(request))))


async def _problem(request: Request, error: Exception) -> JSONResponse:
    """An error of ours; flags in it are the parameters and fields of the request."""
    status = 400 if isinstance(error, ConfigError) and not isinstance(error, DiskError) else 500
    if isinstance(error, _WrongParameter):
        return _as_problem(request, 422, ConfigError.__name__, str(error))
    said = told(str(error), frozenset(_parameters(request) | _fields(request)))
    return _as_problem(request, status, type(error).__name__, said)


async def _no_path(request: Request, error: Exception) -> JSONResponse:
    """A path that there is not."""
    path = request.url.path
    near = did_you_mean(path, _methods(request))
    return _as_problem(request, 404, ConfigError.__name__, f"there is no path '{path}'.{near} /docs lists all.")


async def _no_method(request: Request, error: Exception) -> JSONResponse:
    """A method that a path does not have."""
    path = request.url.path
    allowed = ", ".join(sorted(_methods(request).get(path, {"GET"})))
    said = f"{path} takes {allowed}, not {request.method}. /docs says what each does."
    answer = _as_problem(request, 405, ConfigError.__name__, said)
    answer.headers["Allow"] = allowed
    return answer


def _methods(request: Request) -> dict[str, set[str]]:
    """Methods of each path."""
    paths = request.app.openapi()["paths"]
    return {path: {method.upper() for method in methods} for path, methods in paths.items()}


def _as_problem(request: Request, status: int, title: str, detail: str) -> JSONResponse:
    """A problem in the form of RFC 9457."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": request.url.path}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


if __name__ == "__main__":
    main()
