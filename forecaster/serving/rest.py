"""The REST API: `forecaster query` and `forecaster label` over HTTP.

Run it with `python -m forecaster.serving.rest forecaster.toml 8000`.
"""

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, get_args

import uvicorn
from fastapi import Depends, FastAPI, Query, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field

from forecaster.actions import base
from forecaster.actions.label import label
from forecaster.actions.query import query
from forecaster.app import App
from forecaster.query_tables import QUERY_TABLES
from forecaster.quiet import hush
from forecaster.serving.problems import UnknownSeries, answer_problems, require_known

__all__ = ["create", "main"]

_MOST_ROWS = 100_000
_ABOUT = (
    "Read series, observations, forecasts and anomalies, and label events. Times are in UTC; `since` is included, `until` "
    "is not. If there are more rows than `limit`, the answer has the header X-Truncated."
)

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
    # FastAPI's own page of documentation is blank without the internet.
    api = FastAPIOffline(title="forecaster", version="1", description=_ABOUT, dependencies=[Depends(require_known)])
    answer_problems(api)

    @api.get("/healthz", summary="Does the store answer?")
    def healthz() -> JSONResponse:
        return _health(app)

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


def _health(app: App) -> JSONResponse:
    """What ledger and lake answer, or the error of the one that does not."""
    try:
        known = {"series": app.ledger.count_series(), "lake": app.lake.version("observations")}
        return JSONResponse({"status": "ok", "project": app.settings.name, **known})
    except Exception as error:
        return JSONResponse({"status": "failing", "error": str(error)}, status_code=503)


def _endpoint(app: App, what: str) -> Callable[..., Response]:
    """The endpoint of a table; all have the same parameters, and those without an effect on it are not offered."""
    table = QUERY_TABLES[what]

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
        if table.takes_series and (unknown := app.unknown_series(series or ())):
            raise UnknownSeries(" ".join(unknown))
        asked = {"series": series, "since": since, "until": until, "as_of": as_of, "limit": limit}
        return _answer(app, what, format, pipeline=pipeline, state=state, newest_first=newest_first, **asked)

    signature = inspect.signature(ask)
    offered = [one if name in table.options else _hidden(one) for name, one in signature.parameters.items()]
    ask.__signature__ = signature.replace(parameters=offered)  # type: ignore[attr-defined]  # what FastAPI reads
    return ask


def _hidden(parameter: inspect.Parameter) -> inspect.Parameter:
    """The same parameter, in no description of the API: it is refused in the words of `forecaster query`."""
    kind, *_ = get_args(parameter.annotation)
    return parameter.replace(annotation=Annotated[kind, Query(include_in_schema=False)])


def _answer(app: App, what: str, format: Format, **asked: object) -> Response:
    outcome = query(what, format=format, app=app, **asked)  # type: ignore[arg-type]  # the endpoints above have the types
    kind = "text/csv" if format == "csv" else "application/json"
    return Response(outcome.text, media_type=kind, headers={"X-Truncated": "true"} if outcome.facts["is_cut"] else None)


if __name__ == "__main__":
    main()
