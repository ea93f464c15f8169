"""Binance on this machine: pages of candles, weights by minute, its codes of error, a candle that is still open."""

import re
from typing import Any, ClassVar

import pandas as pd
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.standins.web import WebStandin

__all__ = ["Binance"]

SYMBOLS = {"BTCUSDT", "ETHUSDT"}
LENGTHS = {"1m": 60_000, "1h": 3_600_000, "1d": 86_400_000}


class Binance(WebStandin):
    """Closing prices of two pairs."""

    cap = 1000
    weight_limit = (12.0, 60.0)
    lacks: ClassVar = {
        "secrets": "market data needs no key at all",
        "untidy_rows": "candles come in the order in which they open",
    }

    def settings(self) -> dict[str, Any]:
        most, _ = self.weight_limit
        more = {"page": self.page, "weight_a_minute": most}
        return {"url": self.url, "symbols": sorted(SYMBOLS), "fields": ["close"], "start": "1970-01-01", **more}

    def names(self) -> list[str]:
        return [f"{symbol}/close" for symbol in sorted(SYMBOLS)]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "symbols": [name]}

    def weight(self, request: Request) -> float:
        return 2.0

    def routes(self) -> list[Route]:
        return [Route("/api/v3/klines", self.klines), Route("/api/v3/exchangeInfo", self.exchange)]

    async def klines(self, request: Request) -> JSONResponse:
        asked = request.query_params
        refusal = self._refusal(asked)
        if refusal:
            return JSONResponse({"code": refusal[0], "msg": refusal[1]}, 400)
        used = sum(weight for at, weight in self.spent if at > self.clock() - 60)
        headers = {"X-MBX-USED-WEIGHT-1M": f"{used:g}"}
        if used > self.weight_limit[0]:
            said = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
            return JSONResponse({"code": -1003, "msg": said}, 429, {**headers, "Retry-After": "60"})
        return JSONResponse(self._candles(asked), headers=headers)

    def _refusal(self, asked: Any) -> tuple[int, str] | None:
        for name in ("symbol", "interval"):
            if name not in asked:
                return -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        if not re.fullmatch(r"[A-Z0-9-_.]{1,20}", asked["symbol"]):
            return -1100, "Illegal characters found in parameter 'symbol'; legal range is '^[A-Z0-9-_.]{1,20}$'."
        if asked["symbol"] not in SYMBOLS:
            return -1121, "Invalid symbol."
        if asked["interval"] not in LENGTHS:
            return -1120, "Invalid interval."
        return None

    def _candles(self, asked: Any) -> list[list[Any]]:
        first, last = int(asked.get("startTime", 0)), int(asked.get("endTime", 1 << 60))
        most = min(int(asked.get("limit", 500)), self.cap)
        rows = self.of(f"{asked['symbol']}/close")
        opens = pd.DatetimeIndex(rows["ds"]).tz_convert(None).to_numpy("datetime64[ms]").astype("int64")
        inside = ((opens >= first) & (opens <= last)).nonzero()[0][: 2 * most]
        candles: list[list[Any]] = []
        for opened, y in zip(opens[inside], rows["y"].iloc[inside], strict=True):
            if y == y and abs(y) != float("inf"):
                price = f"{y:.8f}"
                closed = int(opened) + LENGTHS[asked["interval"]] - 1
                candles.append([int(opened), price, price, price, price, "1.0", closed, price, 7, "0.5", "0.5", "0"])
        return candles[:most]

    async def exchange(self, request: Request) -> JSONResponse:
        """What a library asks for before anything else."""
        return JSONResponse({"timezone": "UTC", "symbols": [_market(symbol) for symbol in sorted(SYMBOLS)]})


def _market(symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": symbol.removesuffix("USDT"),
        "baseAssetPrecision": 8,
        "quoteAsset": "USDT",
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT"],
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": [],
        "permissions": [],
        "permissionSets": [["SPOT"]],
    }
