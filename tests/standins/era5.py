"""A NetCDF file with a small grid, as the Climate Data Store gives it."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tests.standins.base import Fault, Standin

__all__ = ["Grid"]

PLACES = {"berlin": [52.5, 13.5], "paris": [48.75, 2.25]}
_WHOLE = "a file is there when its name is; the file system answers at once, or not at all"
_NO_REQUESTS = "a file is not asked for pages, has no key and counts no requests"


class Grid(Standin):
    """Temperatures at two places of a small grid."""

    missing = (float("nan"), float("inf"))
    lacks: ClassVar = {
        "secrets": "what lies in a file is data, and it is opened without a key",
        "wrong_key": _NO_REQUESTS,
        "too_many_requests": _NO_REQUESTS,
        "too_many_requests_without_a_wait": _NO_REQUESTS,
        "weight_budget": _NO_REQUESTS,
        "error_then_answer": _WHOLE,
        "slow_answer": _WHOLE,
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.path = folder / "grid.nc"
        self.clear()

    def settings(self) -> dict[str, Any]:
        return {"path": str(self.path), "locations": PLACES, "start": "1970-01-01", "lookback": ""}

    def names(self) -> list[str]:
        return [f"{place}/t2m" for place in PLACES]

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self.rows = pd.DataFrame({"unique_id": [], "ds": pd.DatetimeIndex([], tz="UTC"), "y": []})

    def put(self, rows: pd.DataFrame) -> None:
        both = pd.concat([self.rows, rows], ignore_index=True) if len(self.rows) else rows
        self.rows = both.drop_duplicates(["unique_id", "ds"], keep="last").sort_values(["unique_id", "ds"])
        self._write()

    def untidy(self) -> None:
        self._write(mixed=True)

    def fault(self, *faults: Fault) -> None:
        self.path.write_bytes(self.path.read_bytes()[:-2000] if faults[0].cut else faults[0].body.encode())

    def heal(self) -> None:
        self._write()

    def unknown(self, name: str) -> dict[str, Any]:
        return {**self.settings(), "variables": [name]}

    def _write(self, *, mixed: bool = False) -> None:
        import xarray

        times = pd.DatetimeIndex(sorted(set(self.rows["ds"]))).tz_convert(None)
        values = np.full((len(times), 2, 2), np.nan)
        for corner, place in enumerate(PLACES):
            mine = self.rows[self.rows["unique_id"] == f"{place}/t2m"]
            values[times.get_indexer(pd.DatetimeIndex(mine["ds"]).tz_convert(None)), corner, corner] = mine["y"]
        order = np.append(np.arange(len(times))[::-1], len(times) - 1) if mixed else np.arange(len(times))
        latitudes, longitudes = zip(*PLACES.values(), strict=True)
        axes = {"valid_time": times[order], "latitude": list(latitudes), "longitude": list(longitudes)}
        data = {"t2m": (tuple(axes), values[order], {"units": "K"})}
        xarray.Dataset(data, coords=axes).to_netcdf(self.path)
