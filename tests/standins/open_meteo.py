"""Open-Meteo on this machine: validates parameters, meters weights by minute, answers whole days of hours."""

from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import orjson
import pandas as pd
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins.web import WebStandin

__all__ = ["OpenMeteo"]

PLACES = {"berlin": [52.52, 13.41], "quito": [-0.22, -78.51]}
UNITS = {"temperature_2m": "°C", "wind_speed_10m": "m/s"}
DAY = 86_400


class OpenMeteo(WebStandin):
    """Temperature and wind at two places; what is not in the truth is null."""

    weight_limit = (6.0, 60.0)
    lacks: ClassVar = {
        "secrets": "only its paid plan wants a key, and that one has no weights",
        "untidy_rows": "it answers whole days of hours, in their order",
    }

    def clear(self) -> None:
        super().clear()
        self.spoilt: dict[str, Any] = {}
        """Parts of an answer that come wrong."""

    def settings(self) -> dict[str, Any]:
        most, _ = self.weight_limit
        return {"url": self.url, "locations": PLACES, "start": "1970-01-01", "settle": "1h", "calls_a_minute": most}

    def names(self) -> list[str]:
        return [f"{place}/temperature_2m" for place in PLACES]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "variables": [name]}

    def weight(self, request: Request) -> float:
        """By the number of columns, and by days beyond two weeks."""
        asked = request.query_params
        if self._refusal(asked):
            return 1.0
        first, last = date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"])
        columns = len(asked["hourly"].split(","))
        return max(1.0, columns / 10, columns / 10 * ((last - first).days + 1) / 14)

    def routes(self) -> list[Route]:
        return [Route("/v1/archive", self.answer), Route("/v1/forecast", self.answer)]

    async def answer(self, request: Request) -> Response:
        asked = request.query_params
        reason = self._refusal(asked)
        if reason:
            return _json({"error": True, "reason": reason}, 400)
        first, last = date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"])
        columns = asked["hourly"].split(",")
        if sum(weight for at, weight in self.spent if at > self.clock() - 60) > self.weight_limit[0]:
            reason = "Minutely API request limit exceeded. Please try again in one minute."
            return _json({"error": True, "reason": reason}, 429)
        return _json(self._body(asked, first, last, columns) | self.spoilt)

    def _refusal(self, asked: Any) -> str:
        for name in ("latitude", "longitude", "hourly"):
            if name not in asked:
                return f"Parameter '{name}' is required"
        for column in asked["hourly"].split(","):
            if column.partition("_previous_day")[0] not in UNITS:
                return (
                    f"Data corrupted at path ''. Cannot initialize ForecastVariable from invalid String value {column}."
                )
        if (asked.get("timeformat"), asked.get("timezone")) != ("unixtime", "GMT"):
            return "this stand-in takes UTC only, as the connector should"
        if asked.get("models") not in ("era5", "ecmwf_ifs025"):
            return f"Cannot initialize MultiDomains from invalid String value {asked.get('models')}."
        return ""

    def _body(self, asked: Any, first: date, last: date, columns: list[str]) -> dict[str, Any]:
        at = [float(asked["latitude"]), float(asked["longitude"])]
        place = next((name for name, where in PLACES.items() if where == at), "elsewhere")
        begin = (first - date(1970, 1, 1)) // timedelta(days=1) * DAY
        times = begin + 3600 * np.arange(24 * ((last - first).days + 1))
        hourly = {column: self._values(place, column, times) for column in columns}
        return {
            "latitude": round(at[0], 1),
            "longitude": round(at[1], 1),
            "generationtime_ms": 0.1,
            "utc_offset_seconds": 0,
            "timezone": "GMT",
            "timezone_abbreviation": "GMT",
            "hourly_units": {"time": "unixtime"} | {c: UNITS[c.partition("_previous_day")[0]] for c in columns},
            "hourly": {"time": times, **hourly},
        }

    def _values(self, place: str, column: str, times: Any) -> Any:
        """The truth at some times; NaN is written as null."""
        rows = self.of(f"{place}/{column}")
        values = np.full(len(times), np.nan)
        if len(rows):
            seconds = pd.DatetimeIndex(rows["ds"]).tz_convert(None).to_numpy("datetime64[s]").astype(np.int64)
            at = (seconds - times[0]) // 3600
            inside = (at >= 0) & (at < len(times))
            values[at[inside]] = pd.to_numeric(rows["y"], errors="coerce").to_numpy(float)[inside]
        return values


def _json(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY), status, media_type="application/json")
