"""The file doors: file in, file out, and everything put right is told."""

import errno
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from forecaster import api
from forecaster.actions.backtest import backtest
from forecaster.actions.detect import detect
from forecaster.actions.forecast import forecast
from forecaster.columns import QUANTILES
from forecaster.errors import ArtifactError, ConfigError, DataError, ForecasterError
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic, table
from forecaster.series.frame import check
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from tests.quick import quick

SETTINGS = quick()


@pytest.fixture
def file(tmp_path: Path, hourly: pd.DataFrame) -> Path:
    path = tmp_path / "in.parquet"
    hourly.to_parquet(path, index=False)
    return path


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "forecaster", *words], capture_output=True, text=True, check=False)


def test_forecast_writes_every_series_and_step(file: Path, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """13 quantiles and the mean, after each series' last row, in float32."""
    out = tmp_path / "out.parquet"
    forecast(file, horizon=5, out=out, set_=SETTINGS)
    rows = pd.read_parquet(out)
    assert list(rows.columns) == ["unique_id", "ds", "cutoff", "mean", *QUANTILES]
    assert len(rows) == 4 * 5
    assert (rows["cutoff"] == hourly["ds"].max()).all()
    assert rows["ds"].min() == hourly["ds"].max() + pd.Timedelta(hours=1)
    assert rows["ds"].dtype == hourly["ds"].dtype
    assert (rows[list(QUANTILES)].diff(axis=1).iloc[:, 1:] >= 0).all().all()
    report = json.loads((tmp_path / "out.parquet.report.json").read_text())
    assert report["plans"][0]["horizon"] == 5


def test_feather_and_json_lines_are_read(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """As they were written, names of series such as 007 included."""
    frame = hourly.assign(unique_id=hourly["unique_id"].map(lambda name: f"00{ord(name[-1])}"))
    frame.to_feather(tmp_path / "in.feather")
    table.write(frame, tmp_path / "in.jsonl")
    for name in ("in.feather", "in.jsonl"):
        found = check(table.read(tmp_path / name), Roles()).grids[0]
        wanted = check(frame, Roles()).grids[0]
        assert found.unique_id.tolist() == wanted.unique_id.tolist()
        np.testing.assert_array_equal(found.starts, wanted.starts)
        np.testing.assert_allclose(found.y, wanted.y, rtol=1e-9)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_kind_of_file_makes_no_difference(kind: str, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """CSV or Parquet in and out: the same forecasts."""
    path, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    table.write(hourly, path)
    forecast(path, horizon=3, out=out, model="seasonal_naive")
    plain = api.predict(api.fit(hourly, horizon=3, model="seasonal_naive"), hourly)
    rows = table.read(out)
    assert rows["ds"].tolist() == plain["ds"].tolist()
    np.testing.assert_allclose(rows["q0.5"], plain["q0.5"], rtol=1e-5)


def test_times_come_back_as_they_were(tmp_path: Path) -> None:
    """The times' zone, naivety and integers survive."""
    for ds in (
        pd.date_range("2024-03-28", periods=96, freq="h", tz="Europe/Paris", unit="us"),
        pd.date_range("2024-03-28", periods=96, freq="h", unit="ns"),
        pd.RangeIndex(0, 960, 10),
    ):
        frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": np.sin(np.arange(96.0))})
        rows = api.predict(api.fit(frame, horizon=2, model="seasonal_naive"), frame)
        assert rows["ds"].dtype == frame["ds"].dtype
        assert rows["cutoff"].iloc[0] == frame["ds"].iloc[-1]


def test_texts_come_back_as_the_fullest_of_them(tmp_path: Path) -> None:
    """A column that begins with a bare day has hours all the same."""
    texts = pd.date_range("2024-03-28", periods=96, freq="h").strftime("%Y-%m-%d %H:%M:%S").str.replace(" 00:00:00", "")
    frame = pd.DataFrame({"unique_id": "a", "ds": texts, "y": np.sin(np.arange(96.0))})
    rows = api.predict(api.fit(frame, horizon=2, model="seasonal_naive"), frame)
    assert rows["ds"].tolist() == ["2024-04-01 00:00:00", "2024-04-01 01:00:00"]


def test_columns_of_other_names_and_decimal_commas_are_read(tmp_path: Path) -> None:
    """As loggers write them, by what the file calls its columns; a column that is not there is named."""
    path, out = tmp_path / "logger.csv", tmp_path / "out.csv"
    times = pd.date_range("2024-03-20", periods=96, freq="h")
    values = 10 + np.sin(2 * np.pi * np.arange(96) / 24)
    lines = [
        f"{time:%d.%m.%Y %H:%M};007;{str(round(y, 3)).replace('.', ',')}" for time, y in zip(times, values, strict=True)
    ]
    path.write_text("\n".join(["Zeit;Sensor;Wert", *lines]))
    called = ["ds=Zeit", "unique_id=Sensor", "y=Wert"]
    forecast(path, horizon=24, out=out, model="seasonal_naive", columns=called, decimal=",")
    rows = pd.read_csv(out, dtype={"unique_id": str})
    assert rows["unique_id"].unique().tolist() == ["007"]
    assert pd.Timestamp(rows["ds"].iloc[0]) == times[-1] + pd.Timedelta(hours=1)
    np.testing.assert_allclose(rows["q0.5"], values[-24:], atol=2e-3)
    with pytest.raises(DataError, match=r"no column 'Value' of --columns; it has Zeit, Sensor, Wert"):
        forecast(path, horizon=24, out=out, columns=["y=Value"])
    with pytest.raises(DataError, match=r"has a column 'Wert' already"):
        forecast(path, horizon=24, out=out, columns=["Wert=Zeit"])
    with pytest.raises(ConfigError, match=r"--columns Wert: expected ours=theirs"):
        forecast(path, horizon=24, out=out, columns=["Wert"])


def test_a_saved_model_forecasts_the_same(file: Path, tmp_path: Path) -> None:
    """--save, then --load: the same rows and no training; and a series it has never seen."""
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    forecast(file, horizon=4, out=one, set_=SETTINGS, save=tmp_path / "model")
    forecast(file, horizon=4, out=two, load=tmp_path / "model")
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two))
    other = tmp_path / "other.parquet"
    synthetic.seasonal(1, 60, seed=9).assign(unique_id="new").to_parquet(other)
    forecast(other, horizon=2, out=two, load=tmp_path / "model")
    assert len(pd.read_parquet(two)) == 2
    with pytest.raises(ArtifactError, match="looks 4 steps ahead"):
        forecast(file, horizon=9, out=two, load=tmp_path / "model")


def test_the_steps_that_a_guard_allowed_repeat_the_run(file: Path, tmp_path: Path) -> None:
    """A run that the clock shortened says how to repeat it, and that gives the same numbers."""
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    slow = {**SETTINGS, "steps": 100_000, "rows": 8, "stretch": 64}
    asked = {"horizon": 4, "model": "lstm", "set_": {k: v for k, v in slow.items() if k != "steps"}}
    outcome = forecast(file, out=one, **asked, steps=100_000, max_seconds=2)
    said = next(line for line in outcome.lines if "time limit" in line)
    steps = int(said.split("--steps ")[1].split()[0])
    cut = {"schedule_steps": said.split("schedule_steps=")[1].split()[0]} if "schedule_steps" in said else {}
    forecast(file, out=two, **{**asked, "set_": {**asked["set_"], **cut}}, steps=steps)
    pd.testing.assert_frame_equal(pd.read_parquet(one), pd.read_parquet(two))


def test_weak_series_get_a_marked_fallback(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """Those that cannot be learnt: constant, one row, shorter than the horizon; an all-missing one is skipped."""
    flat = hourly[hourly["unique_id"] == "s0"].assign(unique_id="flat", y=7.0)
    one = hourly.iloc[[0]].assign(unique_id="one")
    short = hourly.iloc[:3].assign(unique_id="short")
    none = hourly.iloc[:3].assign(unique_id="none", y=np.nan)
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pd.concat([hourly, flat, one, short, none]).to_parquet(path)
    outcome = forecast(path, horizon=5, out=out, set_=SETTINGS)
    rows = pd.read_parquet(out).set_index("unique_id")
    assert (rows.loc["flat", "q0.5"] == 7.0).all()
    assert (rows.loc["flat", "q0.9"] > 7.0).all()
    np.testing.assert_allclose(rows.loc["one", "q0.5"], one["y"].iloc[0], rtol=1e-6)
    assert "none" not in rows.index
    report = json.loads(Path(f"{out}.report.json").read_text())
    kinds = {finding["unique_id"]: finding["kind"] for finding in report["findings"]}
    assert kinds == {"flat": "fallback", "one": "fallback", "short": "fallback", "none": "skip"}
    assert outcome.skipped == 1
    assert np.isfinite(rows.select_dtypes("number")).all().all()


def test_further_quantiles_and_none(file: Path, tmp_path: Path) -> None:
    """--quantiles adds levels; none leaves mean and median."""
    out = tmp_path / "out.parquet"
    forecast(file, horizon=2, out=out, model="seasonal_naive", quantiles=["0.01", "0.33"])
    rows = pd.read_parquet(out)
    assert {"q0.01", "q0.33"} < set(rows.columns)
    assert (rows["q0.01"] <= rows["q0.025"]).all()
    assert rows["q0.33"].between(rows["q0.3"], rows["q0.4"]).all()
    forecast(file, horizon=2, out=out, model="seasonal_naive", quantiles=["none"])
    assert list(pd.read_parquet(out).columns) == ["unique_id", "ds", "cutoff", "mean", "q0.5"]


def test_covariates_and_several_targets(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """Roles at the door: targets, past, future (in a file of its own) and static columns."""
    frame = hourly.assign(temperature=hourly["y"] * 2, wind=1.0, plan=hourly.index % 3, height=5.0)
    ahead = pd.DataFrame(
        [
            (s, t, 1)
            for s in frame["unique_id"].unique()
            for t in pd.date_range(frame["ds"].max(), periods=5, freq="h")[1:]
        ],
        columns=["unique_id", "ds", "plan"],
    )
    path, future, out = tmp_path / "in.parquet", tmp_path / "future.csv", tmp_path / "out.csv"
    frame.to_parquet(path)
    ahead.to_csv(future, index=False)
    forecast(
        path, horizon=4, out=out, targets=["y", "temperature"], past=["wind"], future=["plan"], static=["height"], future_file=future,
        set_=SETTINGS,
    )  # fmt: skip
    rows = pd.read_csv(out)
    assert list(rows.columns[:4]) == ["unique_id", "channel", "ds", "cutoff"]
    assert rows.groupby(["unique_id", "channel"]).size().tolist() == [4] * 8


def test_what_is_not_read_of_covariates_is_said(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """By a model that reads none at all, and where the future lacks values."""
    path, out = tmp_path / "in.parquet", tmp_path / "out.csv"
    one = hourly[hourly["unique_id"] == hourly["unique_id"].iloc[0]]
    one = one.assign(plan=np.arange(len(one)) % 3, y=one["y"].where(one["ds"] < one["ds"].iloc[-2]))
    one.to_parquet(path)
    watch = RecordingWatch()
    naive = forecast(path, horizon=4, out=out, model="seasonal_naive", future=["plan"], watch=watch)
    assert "seasonal_naive reads no covariates: plan left out" in watch.lines
    assert "note: known in advance, at every cutoff: plan" in naive.lines
    read = forecast(path, horizon=4, out=out, model="lstm", set_={"steps": "1", "hidden": "4"}, future=["plan"])
    given = "note: plan: 2 of 4 future values are given; the others count as missing"
    assert given in read.lines
    assert given not in naive.lines


def test_backtest_goes_from_every_cutoff(file: Path, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """The first cutoff is the last training row, and no row lies beyond the file."""
    out = tmp_path / "out.parquet"
    outcome = backtest(file, horizon=6, out=out, test_size=50, set_=SETTINGS)
    rows = pd.read_parquet(out)
    ends = hourly.groupby("unique_id")["ds"].max()
    cutoffs = rows.groupby("unique_id")["cutoff"].unique()
    assert (cutoffs.map(len) == 50).all()
    assert (cutoffs.map(min) == ends - pd.Timedelta(hours=50)).all()
    assert (rows["ds"] <= hourly["ds"].max()).all()
    assert len(rows) == 4 * (45 * 6 + 5 + 4 + 3 + 2 + 1)
    assert set(outcome.table.index) == {"auto", "seasonal_naive"}


def test_a_backtest_trains_again_as_its_test_part_goes_by(file: Path, tmp_path: Path) -> None:
    """--refit-every: the same rows, a plan in the report for each training, and how often it was is told."""
    once, again = tmp_path / "once.parquet", tmp_path / "again.parquet"
    asked = {"horizon": 3, "test_size": 50, "model": "lstm", "set_": SETTINGS}
    backtest(file, out=once, **asked)
    outcome = backtest(file, out=again, refit_every=20, refit_warm=True, **asked)
    assert "trained again 2 times as the test part went by" in outcome.lines
    assert len(json.loads((tmp_path / "again.parquet.report.json").read_text())["plans"]) == 3
    keys = ["unique_id", "cutoff", "ds"]
    one, two = (pd.read_parquet(path).sort_values(keys, ignore_index=True) for path in (once, again))
    pd.testing.assert_frame_equal(one[keys], two[keys])
    first = one["cutoff"].drop_duplicates().nsmallest(20).max()
    pd.testing.assert_frame_equal(one[one["cutoff"] <= first], two[two["cutoff"] <= first])
    assert not np.allclose(one.loc[one["cutoff"] > first, "q0.5"], two.loc[two["cutoff"] > first, "q0.5"])


def test_the_backtest_table_is_that_of_its_rows(file: Path, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """Metrics are summed in the pass; computed from the written rows they are the same."""
    out = tmp_path / "out.parquet"
    outcome = backtest(
        file, horizon=6, out=out, train_until=str(hourly["ds"].max() - pd.Timedelta(hours=40)), stride=3, set_=SETTINGS
    )
    rows = pd.read_parquet(out).merge(hourly, on=["unique_id", "ds"])
    assert outcome.table.loc["auto", "mae"] == pytest.approx((rows["y"] - rows["q0.5"]).abs().mean(), rel=1e-5)
    inside = rows["y"].between(rows["q0.1"], rows["q0.9"])
    assert outcome.table.loc["auto", "coverage80"] == pytest.approx(inside.mean(), abs=1e-3)


def test_a_backtest_writes_its_metrics_by_series_and_by_horizon(
    file: Path, tmp_path: Path, hourly: pd.DataFrame
) -> None:
    """--by-series and --by-horizon, each of the kind that its ending names: those of the written rows."""
    out, by_series, by_horizon = (tmp_path / name for name in ("out.parquet", "series.csv", "steps.parquet"))
    outcome = backtest(
        file, horizon=3, out=out, test_size=40, set_=SETTINGS, by_series=by_series, by_horizon=by_horizon
    )
    rows = pd.read_parquet(out).merge(hourly, on=["unique_id", "ds"])
    error = (rows["y"] - rows["q0.5"]).abs()
    step = ((rows["ds"] - rows["cutoff"]) / pd.Timedelta(hours=1)).astype(int)
    for key, path, theirs in (("unique_id", by_series, rows["unique_id"]), ("step", by_horizon, step)):
        written = table.read(path)
        assert set(written["model"]) == {"auto", "seasonal_naive"}
        own = written[written["model"] == "auto"].set_index(key)
        expected = error.groupby(theirs).mean()
        np.testing.assert_allclose(own["mae"], expected[own.index], rtol=1e-5)
        assert f"wrote {path}" in outcome.lines


def test_a_table_that_cannot_be_written_is_told_before_training(file: Path, tmp_path: Path) -> None:
    """And nothing is left behind, as with --out."""
    out = tmp_path / "out.parquet"
    with pytest.raises(ConfigError, match=r"series\.xls': unknown kind of file"):
        backtest(file, horizon=3, out=out, by_series=tmp_path / "series.xls", steps=10**9)
    with pytest.raises(ConfigError, match="different files"):
        backtest(file, horizon=3, out=out, by_horizon=tmp_path / "new" / ".." / out.name, steps=10**9)
    with pytest.raises(ConfigError, match=r"events\.xls': unknown kind of file"):
        detect(file, out=out, events=tmp_path / "events.xls", set_={"steps": 10**9})
    with pytest.raises(ConfigError, match="different files"):
        detect(file, out=out, events=out, set_={"steps": 10**9})
    for wrong, message in (
        ({"out": file}, "different files"),
        ({"out": tmp_path / "out.xls"}, "unknown kind of file"),
        ({"out": out, "save": file / "model"}, "--save: cannot make the folder"),
    ):
        with pytest.raises(ConfigError, match=message):
            forecast(file, horizon=3, steps=10**9, **wrong)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


def test_a_model_that_cannot_be_saved_leaves_no_folder(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are there forecasts."""

    def full(self: Artefact, folder: Path) -> None:
        folder.mkdir(parents=True)
        raise ConfigError("No space left on device")

    monkeypatch.setattr(Artefact, "save", full)
    with pytest.raises(ConfigError, match="No space left"):
        forecast(file, horizon=2, out=tmp_path / "out.csv", model="seasonal_naive", save=tmp_path / "model")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


def test_files_of_one_run_appear_together_or_not_at_all(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the report finds no room, rows and events are not there either, nor the folder made for them."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Quality, "write", full)
    with pytest.raises(ConfigError, match=r"No space left on device\. Nothing was written"):
        detect(file, out=tmp_path / "new" / "out.csv", events=tmp_path / "events.csv", detector="ewma")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


def test_a_backtest_says_how_sure_it_is_to_beat_seasonal_naive(file: Path, tmp_path: Path) -> None:
    """The ratios are those of the table, their intervals in words and in the report."""
    out = tmp_path / "out.parquet"
    outcome = backtest(file, horizon=3, out=out, test_size=60, set_=SETTINGS)
    scores = outcome.table
    assert scores is not None
    told = json.loads((tmp_path / "out.parquet.report.json").read_text())["beside_seasonal_naive"]
    for metric in ("mase", "wql"):
        found = told[metric]
        assert found["ratio"] == pytest.approx(scores.loc["auto", metric] / scores.loc["seasonal_naive", metric])
        assert found["low"] < found["ratio"] < found["high"]
        assert found["includes_one"] == (found["low"] <= 1 <= found["high"])
        assert found["over"] == "cutoffs"  # four series are too few to draw
        said = f"{metric.upper()} {found['ratio']:.2f} of seasonal naive's (95 % interval {found['low']:.2f}"
        assert any(line.startswith(said) for line in outcome.lines)
    smape, mase = (scores.loc["auto", name] / scores.loc["seasonal_naive", name] for name in ("smape", "mase"))
    assert scores.loc["auto", "owa"] == pytest.approx((smape + mase) / 2)
    assert scores.loc["seasonal_naive", "owa"] == 1


def test_seasonal_naive_is_not_compared_with_itself(file: Path, tmp_path: Path) -> None:
    """Its backtest has its metrics and no ratio."""
    out = tmp_path / "out.parquet"
    outcome = backtest(file, horizon=3, out=out, model="seasonal_naive")
    assert not [line for line in outcome.lines if "of seasonal naive's" in line]
    assert json.loads((tmp_path / "out.parquet.report.json").read_text())["beside_seasonal_naive"] == {}


def _with_anomalies(frame: pd.DataFrame, places: Sequence[int]) -> pd.DataFrame:
    """The frame with jumps of eight deviations in some rows, and a column `label` that says so."""
    out = frame.assign(label=0)
    out.loc[list(places), "y"] += 8 * float(out["y"].std())
    out.loc[list(places), "label"] = 1
    return out


def test_detect_gives_a_row_for_every_row(tmp_path: Path) -> None:
    """In input order, with the input's ds, shuffled or doubled as it may be."""
    frame = _with_anomalies(synthetic.seasonal(2, 500), [300, 850])
    frame = pd.concat([frame, frame.iloc[[10]]]).sample(frac=1, random_state=0)
    path, out, events = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "events.csv"
    frame.to_csv(path, index=False)
    detect(path, out=out, events=events, train_until="2024-01-10")
    rows, found = pd.read_csv(out, parse_dates=["ds"]), pd.read_csv(events)
    assert rows["unique_id"].tolist() == frame["unique_id"].tolist()
    assert rows["ds"].tolist() == frame["ds"].tolist()
    np.testing.assert_allclose(rows["y"], frame["y"])
    hit = rows[frame["label"].to_numpy() == 1]
    assert hit["is_anomaly"].all()
    assert set(hit["event_id"]) <= set(found["event_id"])
    assert list(rows.columns) == [
        "unique_id", "ds", "y", "expected", "lower", "upper", "score", "p_value", "is_anomaly", "event_id", "is_train",
    ]  # fmt: skip
    known = rows["p_value"].notna()
    np.testing.assert_allclose(rows.loc[known, "score"], -np.log10(rows.loc[known, "p_value"]), atol=1e-6)
    assert not rows.loc[rows["is_train"], "is_anomaly"].any()
    assert rows["is_train"].sum() == (frame["ds"] <= "2024-01-10").sum()


def test_detect_scores_channels_alone_and_together(tmp_path: Path) -> None:
    """Every row has one line a channel and one for the whole; events rank their channels."""
    base = synthetic.seasonal(1, 400)
    frame = base[["unique_id", "ds"]].assign(
        a=base["y"], b=synthetic.seasonal(1, 400, seed=5)["y"], is_test=base.index >= 150
    )
    frame.loc[300:303, "b"] += 30
    rows, events = api.detect(frame, channels=["a", "b"], test_column="is_test")
    assert len(rows) == 3 * 400
    assert rows["channel"].tolist()[:3] == ["a", "b", "*"]
    whole = events[events["channel"] == "*"]
    assert whole["channels"].str.startswith("b").any()
    assert rows[(rows["channel"] == "*") & (rows["ds"] == frame["ds"][300])]["is_anomaly"].all()


def test_a_detection_that_cannot_be_is_told_before_training(file: Path, tmp_path: Path) -> None:
    """A rate that is none, a test column of words, nothing left to score."""
    for wrong, message in (
        ({"false_alarms": "often"}, "expected a rate like"),
        ({"false_alarms": "1.2.3/1000-rows"}, "expected a rate like"),
        ({"test_column": "unique_id"}, "expected 0 and 1, found 's0' in row 0"),
        ({"train_until": "2099-01-01"}, "none is left to score"),
    ):
        with pytest.raises(ConfigError, match=message):
            detect(file, out=tmp_path / "out.csv", detector="residual", set_={"steps": 10**9}, **wrong)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


def test_the_seed_of_a_window_network_is_its_weights(tmp_path: Path) -> None:
    """Same seed, same scores; another one, others. What is no setting of windows is told."""
    frame, settings = synthetic.seasonal(2, 200), {"steps": 12, "window": 12}
    one, same, other = (
        api.detect(frame, detector="encdec", train_until="2024-01-05", settings={**settings, "seed": seed})[0]
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, same)
    assert not np.allclose(one["score"], other["score"], equal_nan=True)
    with pytest.raises(ConfigError, match="stream: detector 'encdec' reads single windows"):
        api.detect(frame, detector="encdec", train_until="2024-01-05", settings={"training.stream": True})


def test_a_setting_that_no_detector_has_is_told(file: Path, tmp_path: Path) -> None:
    """With the nearest right one; also where too few rows would let `ewma` stand in. A member that trains takes them."""
    for wrong, message in (
        ({"set_": {"hoirzon": 5}}, "detector 'auto' has no setting 'hoirzon'. Known: members"),
        ({"detector": "ridge", "set_": {"lag": 5}}, "detector 'ridge' has no setting 'lag'. Did you mean 'lags'?"),
        ({"set_": {"hoirzon": 5}, "train_until": "2024-01-01T03:00"}, "has no setting 'hoirzon'"),
        (
            {"set_": {"members": "ridge,residual", "stpes": 5}, "train_until": "2024-01-09"},
            "unknown setting 'stpes'. Did you mean 'steps'?",
        ),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            detect(file, out=tmp_path / "out.csv", **wrong)


def test_a_series_that_cannot_be_tested_is_skipped(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """One row, or a step of its own with nothing to train on; where nothing can be tested, nothing is written."""
    one = hourly.iloc[[0]].assign(unique_id="one")
    pair = hourly.iloc[:2].assign(unique_id="pair", ds=pd.date_range("2024-01-01", periods=2, freq="7min"))
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    pd.concat([hourly, one, pair]).to_parquet(path)
    outcome = backtest(path, horizon=3, out=out, model="seasonal_naive")
    assert outcome.skipped == 2
    assert set(pd.read_parquet(out)["unique_id"]) == set(hourly["unique_id"])
    out.unlink()
    for wrong, told in (
        (
            {"train_until": "31.01.2099"},
            r"--train-until 31.01.2099 is 2099-01-31T00:00:00; .* they go from .* to 2024-",
        ),
        ({"test_size": 10**6}, r"--test-size is 1000000; the longest series has \d+ rows"),
    ):
        with pytest.raises(ConfigError, match="nothing to test: no row.*" + told):
            backtest(path, horizon=3, out=out, **wrong)
    assert not out.exists()


def test_names_of_series_are_taken_as_they_are(tmp_path: Path) -> None:
    """NA, null and 007 are names; an empty cell is none."""
    frame = pd.concat([synthetic.seasonal(1, 40).assign(unique_id=name) for name in ("NA", "null", "007", None)])
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    frame.to_csv(path, index=False)
    outcome = forecast(path, horizon=2, out=out, model="seasonal_naive")
    assert pd.read_parquet(out)["unique_id"].unique().tolist() == ["NA", "null", "007"]
    assert "repair: rows without unique_id or ds left out (40 rows)" in outcome.lines


def test_labels_are_never_read(tmp_path: Path) -> None:
    """Other labels, the same scores; and naming one as a channel is refused."""
    frame = _with_anomalies(synthetic.seasonal(1, 300), [200])
    one, _ = api.detect(frame)
    two, _ = api.detect(frame.assign(label=1 - frame["label"]))
    pd.testing.assert_frame_equal(one, two)
    with pytest.raises(ConfigError, match="cannot be a target"):
        api.detect(frame, channels=["y", "label"])


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"model": "lsmt"}, ConfigError, "Did you mean 'lstm'"),
        ({"set_": {"hiden": "3"}}, ConfigError, "Did you mean 'hidden'"),
        ({"set_": {"dropout": "2"}}, ConfigError, "dropout in"),
        ({"set_": {"hidden": "many"}}, ConfigError, "expected int"),
        ({"set_": {"size": "xl"}}, ConfigError, "expected one of s, m, l"),
        ({"horizon": 0}, ConfigError, "at least 1"),
        ({"season": [0]}, ConfigError, "at least 1"),
        ({"freq": "fortnight"}, ConfigError, "unknown step"),
        ({"quantiles": ["1.5"]}, ConfigError, "between 0 and 1"),
        ({"targets": ["z"]}, DataError, "no column 'z'"),
        ({"out": Path("/proc/none/out.parquet")}, ConfigError, "cannot write"),
        ({"out": Path("out.xyz")}, ConfigError, "unknown kind of file"),
        ({"load": Path("nowhere")}, ArtifactError, "no saved model"),
    ],
)
def test_wrong_settings_are_named(
    asked: dict[str, object], error: type[ForecasterError], message: str, file: Path, tmp_path: Path
) -> None:
    """Which, what, and what to do; and nothing is written."""
    arguments: dict[str, object] = {"horizon": 2, "out": tmp_path / "out.parquet", "model": "lstm", "steps": 2, **asked}
    with pytest.raises(error, match=message):
        forecast(file, **arguments)  # type: ignore[arg-type]  # wrong on purpose
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


@pytest.mark.slow
def test_the_command_line_ends_with_the_right_code(file: Path, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """0: all done; 3: some skipped; 2: bad input, no output, and no traceback."""
    out = tmp_path / "out.csv"
    good = _run("forecast", str(file), "--horizon", "2", "--model", "seasonal-naive", "--out", str(out))
    assert (good.returncode, out.exists()) == (0, True), good.stderr
    assert "wrote" in good.stdout
    pd.concat([hourly, hourly.iloc[:3].assign(unique_id="none", y=np.nan)]).to_parquet(file)
    some = _run("forecast", str(file), "--horizon", "2", "--model", "seasonal_naive", "--out", str(out))
    assert some.returncode == 3, some.stderr
    bad = _run("forecast", str(tmp_path / "absent.csv"), "--horizon", "2", "--out", str(tmp_path / "new.csv"))
    assert bad.returncode == 2
    assert bad.stderr.startswith("error: no file")
    assert "Traceback" not in bad.stderr
    assert not (tmp_path / "new.csv").exists()
    unread = _run("forecast", str(file), "--horizon", "2", "--out", str(tmp_path / "new.csv"), "--set", "steps")
    assert (unread.returncode, unread.stderr) == (2, "error: --set steps: expected key=value.\n")


def test_a_full_disk_leaves_nothing_behind(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output that cannot be finished is not there at all."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ConfigError, match=r"No space left on device\. Nothing was written"):
        forecast(file, horizon=2, out=tmp_path / "out.parquet", model="seasonal_naive")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


@pytest.mark.slow
def test_a_single_wrong_value_within_the_daily_range_is_an_event() -> None:
    """A dip of twelve deviations at the day's peak is a value that every evening has; no average of errors shows it."""
    hour = np.arange(1000)
    y = 10 * np.sin(hour * np.pi / 12) + np.random.default_rng(0).normal(0, 0.3, 1000)
    y[702] -= 3.6
    ds = pd.date_range("2024-01-01", periods=1000, freq="h")
    rows, events = api.detect(pd.DataFrame({"unique_id": "a", "ds": ds, "y": y}))
    assert rows.loc[702, "is_anomaly"]
    found = events[events["peak"] == ds[702]]
    assert found["direction"].tolist() == ["down"]
    assert len(events) <= 2
