"""What each model costs beside the LSTM, and how far it is off beside seasonal naive: docs/model_costs.csv."""

import csv
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import plugins
from forecaster.evaluation.backtest import backtest
from forecaster.evaluation.reference import NAIVE
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from tests.model_pages import COSTS

__all__ = ["costs_of", "errors_of"]

_SETS = {"weekly": 13, "hourly": 48}
_SERIES = 100
_FEW, _MORE = 5, 25
"""Steps of two short trainings: what the second takes longer is what its further steps cost."""


def costs_of(data: Path) -> dict[str, str]:
    """CPU time of a training step on hourly series, in those of the LSTM; joins the table."""
    grid, horizon = _grid(data, "hourly"), _SETS["hourly"]
    learned = [name for name in _installed() if plugins.load("models", name).learned]
    seconds = {name: _seconds(name, grid, horizon, _MORE) - _seconds(name, grid, horizon, _FEW) for name in learned}
    found = {name: f"{each / seconds['lstm']:.2f}" for name, each in seconds.items()}
    _join("cost", found)
    return found


def errors_of(data: Path) -> dict[str, str]:
    """MASE beside seasonal naive's on the last horizon of some M4 training parts; joins the table."""
    found: dict[str, list[str]] = {name: [] for name in _installed()}
    for kind, horizon in _SETS.items():
        grid = _grid(data, kind)
        errors = {name: _error(name, grid, horizon) for name in found}
        ratios = {name: f"{error / errors[NAIVE]:.3f}" for name, error in errors.items()}
        _join(kind, ratios)
        for name, ratio in ratios.items():
            found[name].append(ratio)
    return {name: "/".join(ratios) for name, ratios in found.items()}


def _grid(data: Path, kind: str) -> Grid:
    frame = pd.read_parquet(data / "m4" / f"m4_{kind}_train.parquet")
    chosen = frame["unique_id"].unique()[:_SERIES]
    return check(frame.loc[frame["unique_id"].isin(chosen), ["unique_id", "ds", "y"]], Roles()).grids[0]


def _installed() -> list[str]:
    """Statistical models need a package that is not among the usual ones."""
    there = find_spec("statsforecast") is not None
    return [name for name in plugins.names("models") if there or plugins.load("models", name).memory != "whole"]


def _seconds(name: str, grid: Grid, horizon: int, steps: int) -> float:
    """CPU seconds of a training of so many steps, looked at once."""
    settings = {"training.steps": steps, "training.validations": 1, "training.max_seconds": 3600}
    one, begun = plan(grid, grid.lengths, model=name, horizon=horizon, settings=settings), time.process_time()
    fit(grid, grid.lengths, one)
    return time.process_time() - begun


def _error(name: str, grid: Grid, horizon: int) -> float:
    """MASE of the last horizon."""
    ends = grid.lengths - horizon
    artefact = fit(grid, ends, plan(grid, ends, model=name, horizon=horizon, settings={"training.max_seconds": 3600}))
    return float(np.float64(backtest(artefact, grid, ends, stride=horizon).values()["mase"]))


def _join(column: str, found: Mapping[str, str]) -> None:
    """One column of the table anew; the others stay."""
    rows = {row["model"]: row for row in csv.DictReader(COSTS.open())} if COSTS.exists() else {}
    with COSTS.open("w") as file:
        table = csv.DictWriter(file, ["model", "cost", *_SETS], restval="", lineterminator="\n")
        table.writeheader()
        for name in plugins.names("models"):
            table.writerow({"model": name, **rows.get(name, {}), column: found.get(name, "")})
