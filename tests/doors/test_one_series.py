"""A table without `unique_id` is one series, unless another column tells several apart."""

import json
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.backtest import backtest
from forecaster.actions.detect import detect
from forecaster.actions.evaluate import evaluate
from forecaster.actions.forecast import forecast
from forecaster.actions.leaderboard import leaderboard
from forecaster.errors import DataError
from forecaster.registry.mlflow_registry import MlflowRegistry
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.stream_lines import Answering
from forecaster.series import synthetic
from forecaster.series.door import ALONE, long
from forecaster.series.labels import Labels
from forecaster.series.roles import Roles

NAMED = synthetic.seasonal(1, 200, noise=0.3).assign(unique_id=ALONE)
BARE = NAMED.drop(columns="unique_id")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A file of times and values."""
    BARE.to_csv(tmp_path / "bare.csv", index=False)
    return tmp_path / "bare.csv"


def test_every_verb_takes_a_file_without_names(bare: Path, tmp_path: Path) -> None:
    """Forecast, backtest, leaderboard and detection of its only series."""
    out, asked = tmp_path / "out.parquet", {"horizon": 3, "model": "seasonal_naive"}
    forecast(bare, out=out, **asked)
    assert pd.read_parquet(out)["unique_id"].tolist() == [ALONE] * 3
    backtest(bare, out=out, **asked)
    assert set(pd.read_parquet(out)["unique_id"]) == {ALONE}
    leaderboard(bare, out=out, horizon=3, models=["best_naive"], by_series=tmp_path / "by.csv")
    assert set(pd.read_csv(tmp_path / "by.csv")["unique_id"]) == {ALONE}
    detect(bare, out=out, detector="ewma")
    assert set(pd.read_parquet(out)["unique_id"]) == {ALONE}
    BARE.assign(label=(np.arange(200) == 150).astype(int)).to_csv(bare, index=False)
    evaluate(bare, out=out, detectors=["ewma"])
    assert ALONE in pd.read_parquet(out)["unique_id"].tolist()


def test_the_api_takes_a_frame_without_names() -> None:
    """As it takes the same frame with one."""
    model = api.fit(BARE, horizon=3, model="seasonal_naive")
    pd.testing.assert_frame_equal(api.predict(model, BARE), api.predict(model, NAMED))
    rows, _ = api.detect(BARE, detector="ewma")
    named, _ = api.detect(NAMED, detector="ewma")
    pd.testing.assert_frame_equal(rows, named)
    table, _ = api.evaluate(BARE.assign(label=np.arange(200) == 150), detectors=["ewma"])
    assert "ewma" in table.index


@pytest.mark.slow
def test_a_version_that_mlflow_loads_takes_a_frame_without_names(tmp_path: Path) -> None:
    """As it takes the same frame with one."""
    api.fit(BARE, horizon=3, model="seasonal_naive").save(tmp_path / "contents" / "model")
    address = f"sqlite:///{tmp_path}/mlflow.db"
    version = MlflowRegistry(address, tmp_path / "artefacts").register("water", tmp_path / "contents", tags={})
    loaded = mlflow.pyfunc.load_model(f"models:/water/{version.version}")
    pd.testing.assert_frame_equal(loaded.predict(BARE), loaded.predict(NAMED))


def test_the_next_file_goes_on_from_the_last(tmp_path: Path) -> None:
    """Its series is the same one: a saved detector, and a stream, know where it stands."""
    api.detect(BARE[:150], detector="ewma", save=tmp_path / "detector")
    api.detect(NAMED[:150], detector="ewma", save=tmp_path / "named")
    later, _ = api.detect(BARE[150:], load=tmp_path / "detector")
    wanted, _ = api.detect(NAMED[150:], load=tmp_path / "named")
    pd.testing.assert_frame_equal(later, wanted)
    fed = api.stream(tmp_path / "detector").feed(BARE[150:])
    np.testing.assert_allclose(fed["score"], later["score"], rtol=1e-4)
    by_index = api.stream(tmp_path / "detector").feed(BARE[150:].set_index("ds"))
    pd.testing.assert_frame_equal(by_index, fed)


def test_a_series_that_a_saved_detector_does_not_know_is_named(bare: Path, tmp_path: Path) -> None:
    """And so is what it knows; one that it does is not."""
    for name in ("a", ALONE):
        api.detect(NAMED[:150].assign(unique_id=name), detector="ewma", save=tmp_path / name)
    said = detect(bare, out=tmp_path / "out.csv", load=tmp_path / "a").lines[0]
    assert said.startswith("note: new to the detector, judged by normal rows of the series it was trained on: a.")
    assert "add that column with a known name" in said
    assert not any("new to" in line for line in detect(bare, out=tmp_path / "out.csv", load=tmp_path / ALONE).lines)


def test_lines_of_a_stream_need_no_name(tmp_path: Path) -> None:
    """Where the detector was taught by a table without; one that knows series by name wants it."""
    line = json.dumps({"ds": "2030-01-01T00:00:00", "y": 1.0}).encode()
    for frame, key in ((BARE, "unique_id"), (NAMED.assign(unique_id="a"), "error")):
        api.detect(frame, detector="ewma", save=tmp_path / key)
        said: list[str] = []
        stream = Stream.open(SavedDetector.load(tmp_path / key))
        Answering(stream, said.append, tmp_path / "state", 30.0).all([[line]])
        assert json.loads(said[0])[key] == (ALONE if key == "unique_id" else "no 'unique_id'")


@pytest.mark.parametrize(
    "frame",
    [
        NAMED.set_index("unique_id"),
        NAMED.set_index(["unique_id", "ds"]),
        NAMED.set_index("ds"),
        NAMED.set_index("ds").rename_axis("Date"),
        BARE.set_index("ds").rename_axis(None),
        NAMED.set_index("ds", drop=False),
        NAMED.set_index(np.arange(200) + 7),
    ],
)
def test_names_and_times_may_stand_in_the_index(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Of a frame, and so of a Parquet file that was made of one."""
    wanted = NAMED.reset_index(drop=True)
    pd.testing.assert_frame_equal(long(frame, Roles())[["unique_id", "ds", "y"]], wanted, check_index_type=False)
    twice = ["ds"] if "ds" in frame.index.names and "ds" in frame.columns else []
    frame.drop(columns=twice).to_parquet(tmp_path / "in.parquet")
    forecast(tmp_path / "in.parquet", out=tmp_path / "out.csv", horizon=2, model="seasonal_naive")
    assert len(pd.read_csv(tmp_path / "out.csv")) == 2


def test_a_column_of_names_that_was_forgotten_is_named(tmp_path: Path) -> None:
    """Two shops are never taken for one series with every time twice."""
    several = synthetic.seasonal(2, 60).rename(columns={"unique_id": "store"})
    several["hour"] = several["ds"].dt.hour
    several.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match=r"50% of the times come again: column 'store'.*--columns unique_id=store"):
        forecast(tmp_path / "in.csv", out=tmp_path / "out.csv", horizon=2, model="seasonal_naive")
    forecast(tmp_path / "in.csv", out=tmp_path / "out.csv", horizon=2, columns=["unique_id=store"], model="drift")
    with pytest.raises(DataError, match="column 'level_0'"):
        long(several.set_index(["store", "ds"]).rename_axis([None, None])[["y"]], Roles())
    both = pd.concat([several.assign(item=item) for item in (1, 2)])
    with pytest.raises(DataError, match="store, hour, item together"):
        long(both, Roles())


def test_the_hour_beside_a_day_is_no_name() -> None:
    """A day for each of 24 rows, and the hour in a column of its own, are one time."""
    apart = BARE.assign(hour=BARE["ds"].dt.hour, ds=BARE["ds"].dt.normalize())
    with pytest.raises(DataError, match=r"column 'hour' seems to be a part of the time. Join both into one column ds"):
        long(apart, Roles())
    with pytest.raises(DataError, match=r"Perhaps --columns ds=date,y=load, or"):
        long(apart.set_axis(["date", "load", "hour"], axis=1), Roles())


def test_rows_that_come_twice_are_still_one_series() -> None:
    """Where no column tells them apart, or few do, the last of them counts, as with a name."""
    twice = pd.concat([BARE, BARE]).sort_values("ds")
    assert set(long(twice, Roles())["unique_id"]) == {ALONE}
    few = pd.concat([BARE.assign(by="a"), BARE[:10].assign(by="b")])
    assert set(long(few, Roles())["unique_id"]) == {ALONE}


def test_labels_of_the_only_series_name_none(tmp_path: Path) -> None:
    """A table of spans is enough."""
    (tmp_path / "labels.csv").write_text("start,end\n2024-01-01,2024-01-02\n")
    assert [label.unique_id for label in Labels.read(tmp_path / "labels.csv").every] == [ALONE]
