"""Data sets that all peers get alike: the M4 development halves, judged on the official test parts."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from tests.benchmarks.data import DATA

__all__ = ["SETS", "DataSet"]


@dataclass(frozen=True)
class DataSet:
    """Training rows, what came after them, and the reference that OWA is relative to."""

    name: str
    horizon: int
    seasons: tuple[int, ...]
    """In steps; MASE and Naive2 use the first."""
    freq: str

    @property
    def absent(self) -> bool:
        """Its files are not there."""
        return not self._path("train").exists()

    @cached_property
    def train(self) -> pd.DataFrame:
        """unique_id, ds, y, sorted."""
        return pd.read_parquet(self._path("train"))[["unique_id", "ds", "y"]].sort_values(["unique_id", "ds"])

    @cached_property
    def truth(self) -> Any:
        """Test parts of the series that have a training part. Shapes: [S, H]"""
        rows = pd.read_parquet(self._path("test")).sort_values(["unique_id", "ds"])
        return rows.loc[rows["unique_id"].isin(self.train["unique_id"]), "y"].to_numpy().reshape(-1, self.horizon)

    @cached_property
    def scale(self) -> Any:
        """Mean absolute seasonal step of each training part. Shapes: [S]"""
        series = self.train.groupby("unique_id")["y"]
        return series.apply(lambda y: y.diff(self.seasons[0]).abs().mean()).to_numpy()

    @cached_property
    def naive2(self) -> dict[str, float]:
        """Scores of the competition's reference on the same series."""
        rows = pd.read_csv(DATA / "m4" / "m4_subset_reference_scores.csv").set_index(["freq", "method"])
        row = rows.loc[(self.name.removeprefix("m4_"), "Naive2")]
        return {"smape": float(row["sMAPE"]), "mase": float(row["MASE"])}

    def _path(self, part: str) -> Any:
        return DATA / "m4" / f"{self.name}_{part}.parquet"


SETS = {
    made.name: made
    for made in (
        DataSet("m4_weekly", 13, (1,), "W"),
        DataSet("m4_hourly", 48, (24, 168), "h"),
        DataSet("m4_quarterly", 8, (4,), "Q"),
    )
}
