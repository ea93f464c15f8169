"""A table in SQLite, with a real time column and pages of a few rows."""

import sqlite3
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from tests.standins.base import Fault, Standin

__all__ = ["Table"]

_NO_REQUESTS = "a database counts no requests"
_WHOLE = "a driver gives a row whole or an error; the next run asks again"


class Table(Standin):
    """A table `meters` in a file."""

    lacks: ClassVar = {
        "wrong_key": "SQLite has no accounts; tests/connectors/test_sql.py asks PostgreSQL",
        "secrets": "the address of SQLite has no secret; tests/connectors/test_sql.py looks at one that has",
        "too_many_requests": _NO_REQUESTS,
        "too_many_requests_without_a_wait": _NO_REQUESTS,
        "weight_budget": _NO_REQUESTS,
        "error_then_answer": _WHOLE,
        "slow_answer": _WHOLE,
        "cut_body": "SQLite reads what is left of a cut file; a server that is cut off is an error of its driver",
        "page_of_html": "a database speaks no HTTP, and sends no pages for people",
    }
    missing: ClassVar = (None, float("nan"), float("inf"), ".", "")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "meters.db"
        self.clear()

    def settings(self) -> dict[str, Any]:
        return {
            "url": f"sqlite:///{self.path}", "table": "meters", "id_columns": ["meter"], "time_column": "at",
            "value_columns": ["kwh"], "time_unit": "us", "page_rows": self.page,
        }  # fmt: skip

    def names(self) -> list[str]:
        return ["a", "b"]

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self._do("CREATE TABLE meters (meter TEXT, at INTEGER, kwh)")
        self._do("CREATE INDEX by_meter ON meters (meter, at)")

    def put(self, rows: pd.DataFrame) -> None:
        given = [
            (name, int(at), y)
            for name, at, y in zip(
                rows["unique_id"], rows["ds"].dt.as_unit("us").astype("int64"), rows["y"], strict=True
            )
        ]
        self._do("DELETE FROM meters WHERE meter = ? AND at = ?", [row[:2] for row in given])
        self._do("INSERT INTO meters VALUES (?, ?, ?)", given)

    def untidy(self) -> None:
        self._do("CREATE TABLE other AS SELECT * FROM meters ORDER BY at DESC")
        self._do("INSERT INTO other SELECT * FROM meters LIMIT 1")
        self._do("DROP TABLE meters")
        self._do("ALTER TABLE other RENAME TO meters")

    def fault(self, *faults: Fault) -> None:
        self.whole = self.path.read_bytes()
        self.path.write_bytes(b"out of order" * 1000)

    def heal(self) -> None:
        self.path.write_bytes(self.whole)

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "table": name}

    def _do(self, statement: str, rows: list[Any] | None = None) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement) if rows is None else connection.executemany(statement, rows)
        connection.close()
