"""Prometheus on this machine: a grid of evaluations with staleness, the cap on points, values as text."""

import math
import re
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.standins.base import SECRET
from tests.standins.web import WebStandin

__all__ = ["Prometheus"]

STALE_S = 300
CAP = 11_000


class Prometheus(WebStandin):
    """A gauge `power` of two meters."""

    lacks: ClassVar = {
        "weight_budget": "a server of one's own has no limit of calls",
    }

    def settings(self) -> dict[str, Any]:
        return {
            "url": self.url, "queries": {"power": "power"}, "step": "1h", "labels": ["meter"], "points": self.page,
            "token": SECRET, "settle": "",
        }  # fmt: skip

    def names(self) -> list[str]:
        return ["power/a", "power/b"]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "queries": {name: name}}

    def clear(self) -> None:
        super().clear()
        self.forms: list[dict[str, str]] = []
        """What was asked."""
        self._of: object = None
        self._kept: dict[Any, dict[float, Any]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/query_range", self.query_range, methods=["GET", "POST"]),
            Route("/api/v1/query", self.query, methods=["GET", "POST"]),
        ]

    async def query_range(self, request: Request) -> Response:
        asked = await self._form(request)
        start, end, step = (float(asked[name]) for name in ("start", "end", "step"))
        if end < start:
            return _error("bad_data", 'invalid parameter "end": end timestamp must not be before start time')
        if step <= 0:
            return _error(
                "bad_data", 'invalid parameter "step": zero or negative query resolution step widths are not accepted'
            )
        if (end - start) / step > CAP:
            return _error("bad_data", "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)")  # fmt: skip
        count = int((end - start) // step) + 1
        return self._matrix(asked["query"], [start + k * step for k in range(count)], STALE_S)

    async def query(self, request: Request) -> Response:
        asked = await self._form(request)
        ranged = re.fullmatch(r"(.+)\[(\d+)ms\]", asked["query"])
        if not ranged:
            return JSONResponse(
                {"status": "success", "data": {"resultType": "vector", "result": self._newest(asked["query"])}}
            )
        at, length = float(asked["time"]), int(ranged[2]) / 1000
        found = self._samples(ranged[1])
        chosen = {meter: [(t, v) for t, v in rows if at - length <= t <= at] for meter, rows in found.items()}
        return _data("matrix", [_series(meter, rows) for meter, rows in chosen.items() if rows])

    def _matrix(self, query: str, grid: list[float], stale_s: float) -> Response:
        result = []
        for meter, rows in self._samples(query).items():
            values, at = [], 0
            newest: tuple[float, Any] | None = None
            for t in grid:
                while at < len(rows) and rows[at][0] <= t:
                    newest, at = rows[at], at + 1
                if newest and t - newest[0] < stale_s:
                    values.append((t, newest[1]))
            if values:
                result.append(_series(meter, values))
        return _data("matrix", result)

    def _newest(self, query: str) -> list[Any]:
        return [{"metric": _metric(meter), "value": [0, "1"]} for meter in self._samples(query)]

    def _samples(self, query: str) -> dict[str, list[tuple[float, Any]]]:
        """Samples of the metric by meter, in order, as a time-series database has them."""
        if self._of is not self.rows:
            self._of, self._kept = self.rows, {}
            for name, ds, y in self.rows[["unique_id", "ds", "y"]].itertuples(index=False):
                self._kept.setdefault(tuple(name.split("/")), {})[pd.Timestamp(ds).timestamp()] = y
        return {meter: sorted(values.items()) for (name, meter), values in self._kept.items() if name == query}

    async def _form(self, request: Request) -> dict[str, str]:
        form = {**request.query_params, **dict(parse_qsl((await request.body()).decode()))}
        self.forms.append(form)
        return form


def _metric(meter: str) -> dict[str, str]:
    return {"__name__": "power", "meter": meter, "instance": "127.0.0.1:9100"}


def _series(meter: str, rows: list[tuple[float, Any]]) -> dict[str, Any]:
    return {"metric": _metric(meter), "values": [[t, _text(y)] for t, y in rows]}


def _text(y: Any) -> str:
    if isinstance(y, float) and not math.isfinite(y):
        return "NaN" if math.isnan(y) else f"{'+' if y > 0 else '-'}Inf"
    return str(y)


def _data(kind: str, result: list[Any]) -> Response:
    return JSONResponse({"status": "success", "data": {"resultType": kind, "result": result}})


def _error(kind: str, said: str, status: int = 400) -> Response:
    return JSONResponse({"status": "error", "errorType": kind, "error": said}, status)
