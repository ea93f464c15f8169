"""Tiingo on this machine: end-of-day bars of two tickers, whose adjusted past changes with dividends and splits."""

import os
from typing import Any, ClassVar

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.standins.base import SECRET
from tests.standins.web import WebStandin

__all__ = ["Tiingo"]

TICKERS = ("AAPL", "KO")


class Tiingo(WebStandin):
    """Closing prices; what was paid and split is in `actions`."""

    step = "D"
    weight_limit = (6.0, 3600.0)
    lacks: ClassVar = {
        "a_million_rows": "a ticker's whole history is some ten thousand days, the oldest of them from 1962"
    }

    def clear(self) -> None:
        super().clear()
        self.actions: dict[tuple[str, str], tuple[float, float]] = {}
        """Cash dividend and split factor by ticker and day."""

    def settings(self) -> dict[str, Any]:
        more = {"key": SECRET, "calls_an_hour": self.weight_limit[0], "settle": "12h"}
        return {"url": self.url, "tickers": list(TICKERS), "fields": ["close"], "start": "1970-01-01", **more}

    def names(self) -> list[str]:
        return [f"{ticker}/close" for ticker in TICKERS]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "tickers": [name]}

    def routes(self) -> list[Route]:
        return [Route("/tiingo/daily/{ticker}/prices", self.prices)]

    async def prices(self, request: Request) -> JSONResponse:
        ticker, asked = request.path_params["ticker"], request.query_params
        if request.headers.get("authorization") != f"Token {os.environ.get(SECRET)}":
            return JSONResponse({"detail": "Invalid token."}, 401)
        if sum(weight for at, weight in self.spent if at > self.clock() - 3600) > self.weight_limit[0]:
            return JSONResponse({"detail": "Error: You have run over your hourly request allocation."}, 429)
        if ticker not in TICKERS:
            return JSONResponse({"detail": f"Error: Ticker '{ticker}' not found"}, 404)
        return JSONResponse(self._bars(ticker, asked["startDate"], asked["endDate"]))

    def _bars(self, ticker: str, first: str, last: str) -> list[dict[str, Any]]:
        rows = self.rows[self.rows["unique_id"] == f"{ticker}/close"]
        bars = []
        for day, y in zip(pd.DatetimeIndex(rows["ds"]).strftime("%Y-%m-%d"), rows["y"], strict=True):
            if first <= day <= last:
                close = y if y == y and abs(y) != float("inf") else None
                paid, split = self.actions.get((ticker, day), (0.0, 1.0))
                adjusted = None if close is None else close * self._factor(ticker, day)
                names = ("open", "high", "low", "close"), ("adjOpen", "adjHigh", "adjLow", "adjClose")
                bar = dict.fromkeys(names[0], close) | dict.fromkeys(names[1], adjusted)
                more = {"volume": 100, "adjVolume": 100, "divCash": paid, "splitFactor": split}
                bars.append({"date": f"{day}T00:00:00.000Z", **bar, **more})
        return bars

    def _factor(self, ticker: str, day: str) -> float:
        """By what the prices of a day are multiplied for all that came later."""
        factor = 1.0
        if not self.actions:
            return factor
        closes = self.rows[self.rows["unique_id"] == f"{ticker}/close"].set_index("ds")["y"].sort_index()
        for (name, when), (paid, split) in self.actions.items():
            if name == ticker and when > day:
                before = closes[closes.index < pd.Timestamp(when, tz="UTC")].iloc[-1]
                factor *= (1 - paid / before) / split
        return factor
