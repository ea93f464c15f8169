"""ccxt: the library itself is driven against Binance's stand-in, by `tests/connectors/test_ccxt.py`."""

from typing import Any, ClassVar

import pandas as pd

from tests.standins.base import Standin

__all__ = ["Exchanges"]


class Exchanges(Standin):
    """A library that takes seconds to import and waits by a clock of its own."""

    lacks: ClassVar = {
        "*": "the library waits by its own clock and asks by its own client: tests/connectors/test_ccxt.py drives it"
    }

    def settings(self) -> dict[str, Any]:
        return {"exchange": "binance", "symbols": ["BTC/USDT", "ETH/USDT"], "fields": ["close"]}

    def names(self) -> list[str]:
        return ["binance:BTC/USDT/close", "binance:ETH/USDT/close"]

    def put(self, rows: pd.DataFrame) -> None:
        raise AssertionError(self.lacks["*"])

    def clear(self) -> None:
        """Nothing was put."""
