"""InfluxDB 2 on this machine: the Flux that the connector writes, answered as annotated CSV."""

import csv
import io
import json
import math
import re
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from tests.standins.base import SECRET
from tests.standins.web import WebStandin

__all__ = ["Influxdb"]

BUCKET, ORG = "plant", "home"
FLUX = re.compile(
    r'from\(bucket: "(?P<bucket>[^"]*)"\) \|> range\(start: (?P<start>[^,)]+)(?:, stop: (?P<stop>[^)]+))?\) '
    r"\|> filter\(fn: \(r\) => (?P<filter>.+?)\)(?P<last> \|> last\(\))?"
)
KINDS = ["#datatype", "string", "long", *["dateTime:RFC3339"] * 3, "double", "string", "string", "string"]
GROUPS = ["#group", "false", "false", "true", "true", "false", "false", "true", "true", "true"]
HEADER = ["", "result", "table", "_start", "_stop", "_time", "_value", "_field", "_measurement", "site"]


class Influxdb(WebStandin):
    """A field `v` of a measurement `m` at two sites."""

    missing: ClassVar = (None,)
    lacks: ClassVar = {
        "weight_budget": "a server of one's own has no limit of calls",
        "untidy_rows": "points are in the order of their times, and one time has one point",
    }

    def settings(self) -> dict[str, Any]:
        return {"url": self.url, "org": ORG, "bucket": BUCKET, "token": SECRET, "measurements": ["m"]}

    def names(self) -> list[str]:
        return ["m/a/v", "m/b/v"]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "measurements": [name]}

    def routes(self) -> list[Route]:
        return [Route("/api/v2/query", self.query, methods=["POST"])]

    async def query(self, request: Request) -> Response:
        asked = json.loads(await request.body())
        found = FLUX.fullmatch(asked["query"])
        if request.query_params.get("org") != ORG:
            return _refused("not found", f'organization name "{request.query_params.get("org")}" not found', 404)
        if not found:
            return _refused("invalid", "compilation failed: error @1:1-1:9: undefined identifier", 400)
        if found["bucket"] != BUCKET:
            return _refused("not found", f'could not find bucket "{found["bucket"]}"', 404)
        assert asked["dialect"]["annotations"] == ["datatype", "group", "default"], asked
        return PlainTextResponse(self._csv(found), media_type="text/csv; charset=utf-8")

    def _csv(self, found: re.Match[str]) -> str:
        """A table a series, all in one block."""
        wanted = dict(re.findall(r'r\.(\w+) == "([^"]*)"', found["filter"]))
        start = pd.Timestamp(0, tz="UTC") if found["start"] == "0" else pd.Timestamp(found["start"])
        stop = pd.Timestamp(found["stop"] or "2200-01-01T00:00:00Z")
        rows = self.rows
        if len(rows):
            rows = rows[
                (rows["ds"] >= start)
                & (rows["ds"] < stop)
                & rows["unique_id"].str.startswith(wanted["_measurement"] + "/")
            ]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\r\n")
        for number, (name, part) in enumerate(rows.groupby("unique_id") if len(rows) else []):
            if not number:
                writer.writerows([KINDS, GROUPS, ["#default", "_result", *[""] * 8], HEADER])
            _, site, field = str(name).split("/")
            before, after = ["", "", number, *_at([start, stop])], [field, wanted["_measurement"], site]
            part = part.tail(1 if found["last"] else len(part))
            for at, y in zip(_at(part["ds"]), part["y"], strict=True):
                shown = "" if y is None or not math.isfinite(y) else y
                writer.writerow([*before, at, shown, *after])
        return text.getvalue() + ("\r\n" if len(rows) else "")


def _at(times: Any) -> list[str]:
    """Nanoseconds as the original writes them."""
    naive = pd.DatetimeIndex(times).tz_convert(None).to_numpy("datetime64[us]")
    return [f"{text}123Z" for text in np.datetime_as_string(naive)]


def _refused(code: str, message: str, status: int) -> Response:
    return JSONResponse({"code": code, "message": message}, status)
