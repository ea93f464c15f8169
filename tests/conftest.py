"""What tests share: quiet, one thread, small projects of their own."""

import os
from pathlib import Path

from forecaster.quiet import hush

hush()
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
import pytest

from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from tests.meters import SERVERLESS


@pytest.fixture(scope="session")
def hourly() -> pd.DataFrame:
    """Four hourly series with a daily season."""
    return synthetic.seasonal(4, 300, seed=3)


@pytest.fixture(scope="session")
def grid(hourly: pd.DataFrame) -> Grid:
    """The same on their grid."""
    return check(hourly, Roles()).grids[0]


@pytest.fixture(params=[0, 1, 2])
def random(request: pytest.FixtureRequest) -> np.random.Generator:
    """Three seeds."""
    return np.random.default_rng(request.param)


PROJECT = (
    'name = "test"'
    + SERVERLESS
    + """
[pipelines.meters]
source = "files"
options = { path = "DATA/*.csv", unit = "kWh" }
horizon = 6
settings = { steps = 12, size = "s", validations = 2, rows = 4, stretch = 32 }
alerts = ["jsonl"]

[alerts.jsonl]
path = "alerts.jsonl"
"""
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project file over an empty folder of CSV files, with nothing of MLflow."""
    (tmp_path / "data").mkdir()
    path = tmp_path / "forecaster.toml"
    path.write_text(PROJECT.replace("DATA", str(tmp_path / "data")))
    return path
