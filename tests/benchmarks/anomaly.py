"""Detectors on labelled series: the leaderboard of `forecaster evaluate`, one a data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster import api

__all__ = ["anomaly_of"]

SETS: Mapping[str, tuple[tuple[str, ...], str | None]] = {
    "nab": (("nab/nab.parquet",), None),
    "smap_msl": (("smap_msl/smap.parquet", "smap_msl/msl.parquet"), "is_test"),
    "ucr_ecg": (("ucr_ecg/ucr_ecg_anomaly.parquet",), "is_test"),
}
"""Files of each, and the column that says where its test part begins; the value alone is read."""
_ROLES = ["unique_id", "ds", "y", "label", "is_test"]


def anomaly_of(data: Path) -> dict[str, Any]:
    """All detectors on every set that is there: the tables are printed, VUS-PR and NAB's score are kept."""
    found: dict[str, Any] = {}
    for name, (files, test_column) in SETS.items():
        paths = [data / file for file in files]
        if not all(path.exists() for path in paths):
            found[name] = "absent"
            continue
        table = api.evaluate(_joined(paths), test_column=test_column)[0]
        print(f"\n{name}\n{table.T.to_string(float_format=lambda value: f'{value:.3f}')}\n", flush=True)
        shown = {"nab": "nab", "VUS-PR": "vus_pr"} if name == "nab" else {"VUS-PR": "vus_pr"}
        found[name] = {
            row: {k: round(float(numbers[v]), 3) for k, v in shown.items()} for row, numbers in table.T.items()
        }
    return found


def _joined(paths: list[Path]) -> pd.DataFrame:
    """Files of one set as one frame, their values alone."""
    frames = [pd.read_parquet(path) for path in paths]
    return pd.concat([frame[[c for c in _ROLES if c in frame]] for frame in frames], ignore_index=True)
