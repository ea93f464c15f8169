"""FRED on this machine: observations by real-time period, pages with a count, the words with which it refuses."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.standins.base import SECRET
from tests.standins.web import WebStandin

__all__ = ["Fred"]

SERIES = {"DGS10": ("Percent", "Daily"), "GDPC1": ("Billions of Chained 2017 Dollars", "Quarterly")}


class Fred(WebStandin):
    """Two series with all their releases."""

    step = "D"
    missing = (".",)
    cap = 100_000
    weight_limit = (12.0, 60.0)
    lacks: ClassVar = {"open_bar": "it gives every release, also one that was replaced before it was read"}

    def clear(self) -> None:
        super().clear()
        self.releases: dict[str, dict[tuple[str, str], Any]] = {name: {} for name in SERIES}
        """Values by series, day, and the day of their release; in that order."""
        self.last: dict[tuple[str, str], tuple[str, Any]] = {}
        """The newest release of each series and day, and its value."""
        self.mixed = False

    def settings(self) -> dict[str, Any]:
        more = {"key": SECRET, "calls_a_minute": self.weight_limit[0], "page": self.page}
        return {
            "url": self.url,
            "series": list(SERIES),
            "accept_terms": True,
            "lookback": "",
            "start": "1970-01-01",
            **more,
        }

    def names(self) -> list[str]:
        return list(SERIES)

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "series": [name]}

    def put(self, rows: pd.DataFrame) -> None:
        """Released a year ago; what changes a value, today."""
        today = datetime.now(UTC).date()
        for name, ds, y in rows[["unique_id", "ds", "y"]].itertuples(index=False):
            known = self.last.get((name, f"{ds:%Y-%m-%d}"))
            if known is None or known[1] != y:
                on = today - timedelta(days=365) if known is None else today
                self.release(name, f"{ds:%Y-%m-%d}", y, on.isoformat())

    def release(self, name: str, day: str, value: Any, on: str) -> None:
        self.releases[name][day, on] = value
        self.last[name, day] = on, value

    def untidy(self) -> None:
        self.mixed = True

    def routes(self) -> list[Route]:
        return [Route("/fred/series", self.facts), Route("/fred/series/observations", self.observations)]

    async def facts(self, request: Request) -> JSONResponse:
        asked = request.query_params
        refusal = self._refusal(asked)
        if refusal:
            return refusal
        units, frequency = SERIES[asked["series_id"]]
        fact = {"id": asked["series_id"], "title": "Title", "units": units, "frequency": frequency}
        return JSONResponse({"seriess": [{**fact, "seasonal_adjustment": "Not Seasonally Adjusted"}]})

    async def observations(self, request: Request) -> JSONResponse:
        asked = request.query_params
        refusal = self._refusal(asked)
        if refusal:
            return refusal
        rows = self._rows(asked)
        limit, offset = int(asked.get("limit", 100_000)), int(asked.get("offset", 0))
        page = rows[offset : offset + limit]
        return JSONResponse({"count": len(rows), "offset": offset, "limit": limit, "observations": page})

    def _refusal(self, asked: Any) -> JSONResponse | None:
        if sum(weight for at, weight in self.spent if at > self.clock() - 60) > self.weight_limit[0]:
            return _refused(429, "Too Many Requests.  Exceeded Rate Limit")
        if asked.get("api_key") != os.environ.get(SECRET):
            return _refused(400, "Bad Request.  The value for variable api_key is not registered.")
        if asked.get("series_id") not in SERIES:
            return _refused(400, "Bad Request.  The series does not exist.")
        return None

    def _rows(self, asked: Any) -> list[dict[str, str]]:
        """Versions that were valid in the real-time period that is asked for; by default today's."""
        last = asked.get("realtime_end", datetime.now(UTC).date().isoformat())
        begin, end = asked.get("observation_start", "0"), asked.get("observation_end", "9")
        chosen: dict[Any, dict[str, str]] = {}
        for (day, on), value in self.releases[asked["series_id"]].items():
            if begin <= day <= end and on <= last:
                row = {"realtime_start": on, "realtime_end": "9999-12-31", "date": day, "value": str(value)}
                chosen[(day, on) if "realtime_start" in asked else day] = row
        rows = list(chosen.values())
        return rows[::-1] if self.mixed else rows


def _refused(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error_code": status, "error_message": message}, status)
