"""Packages that carry series: nothing stands in for them, they are here."""

from typing import Any, ClassVar

import pandas as pd

from tests.standins.base import Standin

__all__ = ["Packages"]


class Packages(Standin):
    """What is installed; a test can put nothing into it."""

    lacks: ClassVar = {
        "*": "its rows are those of installed packages: a test cannot put others there, and nothing is asked for"
    }

    def settings(self) -> dict[str, Any]:
        return {"series": ["water_flow", "seattle_weather"]}

    def names(self) -> list[str]:
        return ["water_flow", "seattle_weather"]

    def put(self, rows: pd.DataFrame) -> None:
        raise AssertionError(self.lacks["*"])

    def clear(self) -> None:
        """Nothing was put."""
