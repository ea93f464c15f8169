"""The ECB Data Portal on this machine: SDMX CSV by series, periods of any length, versions, and what was updated since."""

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any, ClassVar

import pandas as pd
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tests.standins.web import WebStandin

__all__ = ["Ecb"]

FLOWS = {"EXR": 5, "ICP": 6, "RTD": 5}
"""Flows, and how many dimensions each has."""
HEADER = [
    "KEY",
    "FREQ",
    "CURRENCY",
    "CURRENCY_DENOM",
    "EXR_TYPE",
    "EXR_SUFFIX",
    "TIME_PERIOD",
    "OBS_VALUE",
    "OBS_STATUS",
]
UNIT = ["UNIT", "TITLE"]


class Ecb(WebStandin):
    """Daily rates of two currencies, and whatever else is put there; all versions are kept."""

    step = "D"

    lacks: ClassVar = {
        "secrets": "the portal wants no key at all",
        "weight_budget": "the portal publishes no limit of calls",
    }

    def clear(self) -> None:
        super().clear()
        self.versions: list[tuple[str, str, Any, datetime]] = []
        """Key, period, value and the time from which it was valid."""
        self.mixed = False
        self.cut = 0
        """Characters that are missing at the end of answers that pass for complete."""

    def settings(self) -> dict[str, Any]:
        return {"url": self.url, "keys": ["EXR/D.USD+GBP.EUR.SP00.A"], "start": "1970-01-01"}

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "keys": [f"{name}/D.USD.EUR.SP00.A"]}

    def names(self) -> list[str]:
        return ["EXR.D.USD.EUR.SP00.A", "EXR.D.GBP.EUR.SP00.A"]

    def put(self, rows: pd.DataFrame) -> None:
        for name, ds, y in rows[["unique_id", "ds", "y"]].itertuples(index=False):
            self.publish(name, f"{ds:%Y-%m-%d}", y)

    def publish(self, key: str, period: str, value: Any, at: datetime | None = None) -> None:
        """A value that is valid from now, or from a time."""
        self.versions.append((key, period, value, at or datetime.now(UTC)))

    def routes(self) -> list[Route]:
        return [Route("/service/data/{flow}/{key}", self.answer)]

    async def answer(self, request: Request) -> Response:
        flow, key, asked = request.path_params["flow"], request.path_params["key"], request.query_params
        if flow not in FLOWS:
            return PlainTextResponse("Could not find Dataflow and/or DSD related with this data request", 404)
        dimensions = key.split(".")
        if len(dimensions) != FLOWS[flow]:
            return PlainTextResponse(
                f"Not enough key values in query, expecting {FLOWS[flow]} got {len(dimensions)}", 400
            )
        if asked.get("format") != "csvdata":
            return PlainTextResponse("this stand-in gives csvdata only", 406)
        pattern = r"\.".join(
            "[^.]+" if not d else "|".join(map(re.escape, d.split("+"))).join(("(?:", ")")) for d in dimensions
        )
        found = self._found(re.compile(rf"{flow}\.{pattern}"), asked)
        if not found:
            return PlainTextResponse("No results found.", 404)
        return PlainTextResponse(self._csv(found, asked), media_type="application/vnd.sdmx.data+csv")

    def _found(self, pattern: re.Pattern[str], asked: Any) -> list[tuple[str, str, Any, datetime]]:
        """Versions that were asked for, by series; of each period the last one unless history is."""
        first, last = asked.get("startPeriod", "0000"), asked.get("endPeriod", "9999")
        since = datetime.fromisoformat(asked["updatedAfter"]) if "updatedAfter" in asked else None
        chosen: dict[Any, tuple[str, str, Any, datetime]] = {}
        for version in sorted(self.versions, key=lambda v: (v[0], v[3])):
            key, period, _, at = version
            if not pattern.fullmatch(key) or not first <= period[: len(first)] or not period[: len(last)] <= last:
                continue
            if since is None or at > since:
                whole = asked.get("includeHistory") == "true"
                chosen[(key, period, at) if whole else (key, period)] = version
        newest = int(asked.get("lastNObservations", 0))
        rows = list(chosen.values())
        if newest:
            rows = [row for key in {row[0] for row in rows} for row in [r for r in rows if r[0] == key][-newest:]]
        return [*rows[::-1], *rows[:1]] if self.mixed else rows

    def untidy(self) -> None:
        self.mixed = True

    def _csv(self, found: list[tuple[str, str, Any, datetime]], asked: Any) -> str:
        history = asked.get("includeHistory") == "true"
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*HEADER, *UNIT, *(["ACTION", "VALID_FROM", "VALID_TO"] if history else [])])
        for key, period, value, at in found:
            parts = [*key.split(".")[1:], "", "", "", "", ""][:5]
            missing = value is None or (isinstance(value, float) and value != value)
            row = [key, *parts, period, "" if missing else value, "M" if missing else "A", parts[1], f"Series {key}"]
            writer.writerow([*row, *(["Replace", at.isoformat(), ""] if history else [])])
        return text.getvalue()[: -self.cut or None]
