"""What tests of the doors share."""

from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def file(tmp_path: Path, hourly: pd.DataFrame) -> Path:
    """A table of hourly series."""
    path = tmp_path / "in.parquet"
    hourly.to_parquet(path, index=False)
    return path
