"""A folder of CSV files, one of them compressed: what a file server or a bucket holds."""

import gzip
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from tests.standins.base import Fault, Standin

__all__ = ["Folder"]

_WHOLE = "a file is there when its name is; the file system answers at once, or not at all"
_NO_REQUESTS = "a folder is not asked for pages, has no key and counts no requests"


class Folder(Standin):
    """Two files, each with a series of its own."""

    missing: ClassVar = (float("nan"), float("inf"), ".", "")
    lacks: ClassVar = {
        "secrets": "what lies in a file is data, and keys of a bucket are read by its file system from the environment",
        "wrong_key": _NO_REQUESTS,
        "too_many_requests": _NO_REQUESTS,
        "too_many_requests_without_a_wait": _NO_REQUESTS,
        "weight_budget": _NO_REQUESTS,
        "error_then_answer": _WHOLE,
        "slow_answer": _WHOLE,
        "open_bar": "whoever writes the file decides which rows are done; `settle_s` leaves young files alone",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.clear()

    def settings(self) -> dict[str, Any]:
        return {"path": f"{self.folder}/*.csv*"}

    def names(self) -> list[str]:
        return ["a", "b"]

    def put(self, rows: pd.DataFrame) -> None:
        both = pd.concat([self.rows, rows.astype({"y": object})], ignore_index=True)
        self.rows = both.drop_duplicates(["unique_id", "ds"], keep="last").sort_values(["unique_id", "ds"])
        self._write()

    def clear(self) -> None:
        for path in self.folder.glob("*.csv*"):
            path.unlink()
        self.rows = pd.DataFrame({"unique_id": [], "ds": pd.DatetimeIndex([], tz="UTC"), "y": []}, dtype=object)

    def untidy(self) -> None:
        self.rows = pd.concat([self.rows[::-1], self.rows[-1:]])
        self._write()

    def fault(self, *faults: Fault) -> None:
        path = self._path("b")
        path.write_bytes(path.read_bytes()[:-12] if faults[0].cut else gzip.compress(faults[0].body.encode()))

    def heal(self) -> None:
        self._write()

    def unknown(self, name: str) -> dict[str, Any]:
        return {"path": f"{self.folder}/{name}*.csv"}

    def _path(self, name: str) -> Path:
        return self.folder / (f"{name}.csv" if name == "a" else f"{name}.csv.gz")

    def _write(self) -> None:
        for name, rows in self.rows.groupby("unique_id"):
            rows.to_csv(self._path(str(name)), index=False)
