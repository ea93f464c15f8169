"""Forecasts from rows that were revised."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions._restated import unsaid
from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.columns import QUANTILES
from forecaster.series import synthetic
from tests.meters import METERS


def _forecasts(level: float = 10.0, as_of: str = "2024-01-02") -> pd.DataFrame:
    """Two steps of a series, quantiles one apart."""
    ds = pd.to_datetime(["2024-01-01 01:00", "2024-01-01 02:00"], utc=True)
    rows = pd.DataFrame({"unique_id": "a", "ds": ds, "cutoff": pd.Timestamp("2024-01-01", tz="UTC"), "mean": level})
    rows = rows.assign(**{name: level + number - 6 for number, name in enumerate(QUANTILES)})
    return rows.assign(as_of=pd.Timestamp(as_of, tz="UTC"), model_version="1")


def test_the_same_forecast_is_no_news() -> None:
    """Nor is one that differs by rounding, or has a number missing where it was missing."""
    made, asked = _forecasts(), _forecasts().drop(columns=["as_of", "model_version"])
    assert unsaid(asked, made, "1").empty
    assert unsaid(asked.assign(mean=10.001), made, "1").empty
    assert unsaid(asked.assign(mean=np.nan), made.assign(mean=np.nan), "1").empty
    assert len(unsaid(asked.assign(mean=np.nan), made, "1")) == 2


def test_what_differs_from_the_newest_is_said_whole() -> None:
    """All steps of a forecast of which one differs; also what was said once and was another since."""
    asked = _forecasts().drop(columns=["as_of", "model_version"])
    first, second = _forecasts(), _forecasts(11.0, "2024-01-03")
    second.loc[1] = first.loc[1].replace(first.loc[1, "as_of"], second.loc[0, "as_of"])
    again = unsaid(asked, pd.concat([second, first]), "1")
    assert len(again) == 2
    assert set(again["replaces"]) == {pd.Timestamp("2024-01-03", tz="UTC")}
    assert unsaid(asked, first[:0], "1")["replaces"].isna().all()


def test_another_version_says_the_same_anew() -> None:
    """What a version said before another one spoke is not the newest any more."""
    first, second = _forecasts(), _forecasts(as_of="2024-01-03").assign(model_version="2")
    asked = first.drop(columns=["as_of", "model_version"])
    assert len(unsaid(asked, first, "2")) == 2
    again = unsaid(asked, pd.concat([first, second]), "1")
    assert set(again["replaces"]) == {pd.Timestamp("2024-01-03", tz="UTC")}


@pytest.mark.slow
def test_a_mended_last_value_makes_another_forecast(tmp_path: Path) -> None:
    """It is the latest, beside the one from the wrong value; the same rows once more make none; other series' stay."""
    path, data = tmp_path / "forecaster.toml", tmp_path / "data"
    data.mkdir()
    path.write_text(METERS.replace("DATA", str(data)) + '\nmodel = "best_naive"\ndetector = "ewma"\n')
    frame = synthetic.seasonal(2, 301, noise=0.1, seed=2)
    last = frame["ds"] == frame["ds"].max()
    app = App.open(path)

    def scored(rows: pd.DataFrame) -> int:
        rows.to_csv(data / "meters.csv", index=False)
        ingest("meters", app=app)
        return int(score("meters", app=app).facts["scored"][0]["forecasts"])

    frame[~last].to_csv(data / "meters.csv", index=False)
    ingest("meters", app=app)
    train("meters", app=app)
    promote("meters", version="1", app=app)
    wrong = frame.assign(y=frame["y"] * np.where(last & (frame["unique_id"] == "s0"), 10, 1))
    assert [scored(frame[~last]), scored(wrong), scored(wrong)] == [12, 12, 0]
    before = app.lake.read("forecasts")
    assert [scored(frame), scored(frame)] == [6, 0]
    latest, every = app.lake.read("forecasts"), app.lake.read("forecasts", latest=False)
    assert len(every) == 30
    said = {name: part["mean"].to_numpy() for name, part in latest.groupby("unique_id")}
    assert not np.allclose(said["s0"][-6:], before.loc[before["unique_id"] == "s0", "mean"][-6:])
    assert [scored(wrong), scored(wrong)] == [6, 0], "what was said once may be said again"
    pd.testing.assert_frame_equal(app.lake.read("forecasts")[["ds", "mean"]], before[["ds", "mean"]], rtol=1e-5)
