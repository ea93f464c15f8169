"""The report's table, from what is stored with the version that serves."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions.ingest import ingest
from forecaster.actions.report import report
from forecaster.app import App
from forecaster.registry.base import CHAMPION
from forecaster.series import synthetic


@pytest.mark.parametrize("key", ["unique_id", "series"])
def test_the_report_finds_a_series_metrics_by_its_name(key: str, project: Path, tmp_path: Path) -> None:
    """A name of digits is a name; and versions registered before called the column `series`."""
    synthetic.seasonal(1, 60).assign(unique_id="007").to_csv(tmp_path / "data" / "meters.csv", index=False)
    app = App.open(project)
    ingest(app=app)
    (tmp_path / "version").mkdir()
    scores = pd.DataFrame({key: "007", "mase": [0.5, 0.8], "coverage80": 0.8, "model": ["lstm", "seasonal_naive"]})
    scores.to_csv(tmp_path / "version" / "scores.csv", index=False)
    version = app.registry.register("meters", tmp_path / "version", tags={"model": "lstm"})
    app.registry.point("meters", CHAMPION, version.version)
    (row,) = report(out=tmp_path / "report.html", app=app).facts["series"]
    assert (row["MASE"], row["naive"], row["80 % covers"]) == (0.5, 0.8, "80%")
