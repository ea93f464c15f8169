"""NCEI's data service on this machine: daily summaries as texts, with attributes; no paging, empty lists for what is not there."""

from typing import Any, ClassVar

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.standins.web import WebStandin

__all__ = ["Noaa"]

STATIONS = ["USW00014732", "USW00094728"]


class Noaa(WebStandin):
    """Highest temperatures of two stations in New York."""

    step = "D"
    missing = (float("nan"), float("inf"), "")
    lacks: ClassVar = {
        "secrets": "the archive wants no key at all",
        "unknown_series": "it answers an unknown station like one without rows: an empty list",
        "weight_budget": "the archive publishes no limit of calls",
    }

    def settings(self) -> dict[str, Any]:
        return {"url": self.url, "stations": STATIONS, "elements": ["TMAX"], "start": "1970-01-01"}

    def names(self) -> list[str]:
        return [f"{station}/TMAX" for station in STATIONS]

    def routes(self) -> list[Route]:
        return [Route("/access/services/data/v1", self.data)]

    async def data(self, request: Request) -> JSONResponse:
        asked = request.query_params
        problem = self._problem(asked)
        if problem:
            field, message = problem
            said = {"field": field, "message": message, "value": asked.get(field)}
            return JSONResponse({"errorCode": 400, "errorMessage": "Bad Request", "errors": [said]}, 400)
        return JSONResponse(self._reports(asked))

    def _problem(self, asked: Any) -> tuple[str, str] | None:
        if asked.get("dataset") != "daily-summaries":
            return "dataset", "The dataset parameter is required and must be a known dataset."
        for name in ("startDate", "endDate"):
            if name not in asked:
                return name, f"The {name} parameter is required."
        return None

    def _reports(self, asked: Any) -> list[dict[str, str]]:
        reports = []
        first, last = (pd.Timestamp(asked[name], tz="UTC") for name in ("startDate", "endDate"))
        for name in self.names():
            station, element = name.split("/")
            rows = self.of(name) if station in asked["stations"].split(",") else self.rows[:0]
            rows = rows[(rows["ds"] >= first) & (rows["ds"] <= last)]
            for ds, y in zip(rows["ds"], rows["y"], strict=True):
                report = {"DATE": f"{ds:%Y-%m-%d}", "STATION": station}
                if str(y) not in ("nan", "inf"):
                    report |= {element: str(y), f"{element}_ATTRIBUTES": ",,W,2400"}
                reports.append(report)
        return reports
