"""Yahoo: its pages change at will, so a library of the same shape stands in for yfinance, in the place of its module."""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import pandas as pd

from tests.standins.base import Fault, Standin

__all__ = ["Pages"]

COLUMNS = ("Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits")
TICKERS = ("AAPL", "KO")
_NO_KEY = "prices are read without a key"
_ITSELF = "the library asks by its own client, and asks again by itself or not at all"


class Library(SimpleNamespace):
    """What the connector uses of yfinance: `Ticker(name).history(...)`, errors and a setting."""

    def __init__(self, bars: Any) -> None:
        """`bars` gives the frame of a ticker, by midnights at the exchange; what it raises is an answer, too."""
        names = ("YFPricesMissingError", "YFTzMissingError", "YFRateLimitError")
        errors = SimpleNamespace(**{name: type(name, (Exception,), {}) for name in names})
        debug = SimpleNamespace(hide_exceptions=True)
        super().__init__(
            __spec__=ModuleSpec("yfinance", None),
            exceptions=errors,
            config=SimpleNamespace(debug=debug),
            asked=[],
            bars=bars,
        )

    def Ticker(self, name: str) -> Any:
        def history(start: str, end: str, **how: Any) -> pd.DataFrame:
            self.asked.append((name, start, end, how))
            bars = self.bars(name)
            first, last = (pd.Timestamp(day, tz=bars.index.tz) for day in (start, end))
            return bars[(bars.index >= first) & (bars.index < last)]

        return SimpleNamespace(history=history)


class Pages(Standin):
    """Closing prices of two tickers."""

    step = "D"
    lacks: ClassVar = {
        "wrong_key": _NO_KEY,
        "secrets": _NO_KEY,
        "too_many_requests": _ITSELF,
        "too_many_requests_without_a_wait": _ITSELF,
        "error_then_answer": _ITSELF,
        "slow_answer": _ITSELF,
        "weight_budget": "Yahoo publishes no limit of calls",
        "untidy_rows": "the library gives days in their order, each once",
        "a_million_rows": "a ticker's whole history is some ten thousand days, the oldest of them from 1962",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.library = Library(self._bars)
        self.clear()

    def __enter__(self) -> Self:
        self._before = sys.modules.get("yfinance")
        sys.modules["yfinance"] = self.library  # type: ignore[assignment]  # of the same shape
        return self

    def __exit__(self, *_: object) -> None:
        del sys.modules["yfinance"]
        if self._before is not None:
            sys.modules["yfinance"] = self._before

    def settings(self) -> dict[str, Any]:
        more = {"accept_terms": True, "start": "1970-01-01", "settle": "12h"}
        return {"tickers": list(TICKERS), "fields": ["close"], **more}

    def names(self) -> list[str]:
        return [f"{ticker}/close" for ticker in TICKERS]

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "tickers": [name]}

    def clear(self) -> None:
        self.closes: dict[str, dict[pd.Timestamp, float]] = {ticker: {} for ticker in TICKERS}
        self.faults.clear()

    def put(self, rows: pd.DataFrame) -> None:
        for name, ds, y in rows[["unique_id", "ds", "y"]].itertuples(index=False):
            self.closes[name.removesuffix("/close")][ds] = y

    def _bars(self, ticker: str) -> pd.DataFrame:
        fault = self.faults.popleft() if self.faults else None
        if fault:
            raise RuntimeError(_said(fault))
        if ticker not in self.closes:
            raise self.library.exceptions.YFTzMissingError(f"${ticker}: possibly delisted; no timezone found")
        closes = dict(sorted(self.closes[ticker].items()))
        if not closes:
            raise self.library.exceptions.YFPricesMissingError(f"${ticker}: possibly delisted; no price data found")
        return frame(pd.DatetimeIndex(list(closes)), list(closes.values()))


def frame(days: pd.DatetimeIndex, closes: Sequence[float]) -> pd.DataFrame:
    """Bars of some days, without dividends and splits, dated as the library does: by midnight at the exchange."""
    there = days.tz_localize(None).tz_localize("America/New_York")
    return pd.DataFrame(1.0, there, list(COLUMNS)).assign(**{"Close": closes, "Dividends": 0.0, "Stock Splits": 0.0})


def _said(fault: Fault) -> str:
    """What comes of an answer that is none: the library believes only whole JSON."""
    return "Expecting value: line 1 column 1 (char 0)" if fault.cut or fault.status == 200 else fault.body
