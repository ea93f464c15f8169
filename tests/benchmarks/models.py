"""What each model costs beside the LSTM, and how far it is off beside seasonal naive: docs/model_costs.csv."""

import csv
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import plugins
from forecaster.evaluation.backtest import backtest
from forecaster.evaluation.compare import NAIVE
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from tests.model_pages import COSTS

__all__ = ["models_of"]

_SETS = {"weekly": 13, "hourly": 48}
_SERIES = 100


def models_of(data: Path) -> dict[str, str]:
    """MASE beside seasonal naive's on the last horizon of some M4 training parts, and writes the table."""
    rows = {name: {"model": name} for name in plugins.names("models") if _installed(name)}
    for kind, horizon in _SETS.items():
        frame = pd.read_parquet(data / "m4" / f"m4_{kind}_train.parquet")
        chosen = frame["unique_id"].unique()[:_SERIES]
        grid = check(frame.loc[frame["unique_id"].isin(chosen), ["unique_id", "ds", "y"]], Roles()).grids[0]
        measured = {name: _measured(name, grid, horizon) for name in rows}
        for name, (error, seconds) in measured.items():
            rows[name][kind] = f"{error / measured[NAIVE][0]:.3f}"
            if seconds and kind == "hourly":
                rows[name]["cost"] = f"{seconds / (measured['lstm'][1] or seconds):.2f}"
    with COSTS.open("w") as file:
        table = csv.DictWriter(file, ["model", "cost", *_SETS], restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows.values())
    return {name: "/".join(row.get(key, "-") for key in ("weekly", "hourly", "cost")) for name, row in rows.items()}


def _installed(name: str) -> bool:
    """Statistical models need a package that is not among the usual ones."""
    return plugins.load("models", name).memory != "whole" or find_spec("statsforecast") is not None


def _measured(name: str, grid: Grid, horizon: int) -> tuple[float, float | None]:
    """MASE, and CPU seconds of a training step."""
    ends = grid.lengths - horizon
    begun = time.process_time()
    artefact = fit(grid, ends, plan(grid, ends, model=name, horizon=horizon, settings={"training.max_seconds": 3600}))
    seconds = time.process_time() - begun
    error = backtest(artefact, grid, ends, stride=horizon).values()["mase"]
    return float(np.float64(error)), seconds / artefact.facts.steps if artefact.facts.steps else None
