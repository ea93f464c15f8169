"""Yahoo: its pages change at will; `tests/connectors/test_yahoo.py` puts a library of the same shape in the place of yfinance."""

from typing import Any, ClassVar

import pandas as pd

from tests.standins.base import Standin

__all__ = ["Pages"]


class Pages(Standin):
    """Pages for people, behind a library that imitates a browser."""

    lacks: ClassVar = {
        "*": "there is no interface to stand in for: the library imitates a browser, and tests put another in its place"
    }

    def settings(self) -> dict[str, Any]:
        return {"tickers": ["AAPL", "KO"], "fields": ["close"], "accept_terms": True}

    def names(self) -> list[str]:
        return ["AAPL/close", "KO/close"]

    def put(self, rows: pd.DataFrame) -> None:
        raise AssertionError(self.lacks["*"])

    def clear(self) -> None:
        """Nothing was put."""
