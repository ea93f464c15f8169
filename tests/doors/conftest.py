"""What tests of the doors share."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

from forecaster.actions.ingest import ingest
from forecaster.app import App
from forecaster.client import Client
from forecaster.series import synthetic
from forecaster.serving import rest


@pytest.fixture
def file(tmp_path: Path, hourly: pd.DataFrame) -> Path:
    """A table of hourly series."""
    path = tmp_path / "in.parquet"
    hourly.to_parquet(path, index=False)
    return path


@pytest.fixture
def app(project: Path, tmp_path: Path) -> App:
    """Two series of sixty rows."""
    synthetic.seasonal(2, 60).to_csv(tmp_path / "data" / "meters.csv", index=False)
    opened = App.open(project)
    ingest(app=opened)
    return opened


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    """Their API, in this process."""
    with Client() as client:
        client._http = TestClient(rest.create(app))
        yield client
