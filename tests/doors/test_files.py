"""The doors of forecasts and backtests: file in, file out, and everything put right is told."""

import errno
import json
import subprocess
import sys
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
from forecaster.series.quality import Quality
from forecaster.training.artefact import Artefact
from tests.commands import run
from tests.quick import quick

SETTINGS = quick()


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


def test_large_values_keep_their_decimals(hourly: pd.DataFrame) -> None:
    """A meter that counts millions: float32 knows it to whole units only, its forecasts are as fine as those of a small one."""
    tables = []
    for offset in (0.0, 2.0**24):
        frame = hourly.assign(y=offset + hourly["y"].round(3))
        made = api.fit(frame, horizon=5, model="seasonal_naive")
        tables.append(api.predict(made, frame)[list(QUANTILES)] - offset)
    np.testing.assert_allclose(tables[1], tables[0], atol=0.02)  # float32 would be off by 1


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
    with pytest.raises(ArtifactError, match="forecasts 4 steps"):
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


@pytest.mark.parametrize(
    ("values", "said", "void"),
    [
        ((1.0, 7.0), {"mase": "exact", "wql": "exact"}, ["owa: n/a"]),
        ((1.0, 0.0), {"mase": "exact", "wql": "is 0"}, ["wape, wql: n/a, every value", "owa: n/a"]),
        ((0.0, 7.0), {"mase": "no unit", "wql": "exact"}, ["bias, mase, msis, rmsse: n/a", "owa: n/a"]),
    ],
    ids=["constant tests", "zero tests", "constant"],
)
def test_a_backtest_says_why_a_number_is_not_there(
    tmp_path: Path, values: tuple[float, float], said: dict[str, str], void: list[str]
) -> None:
    """Where test rows never change, seasonal naive has no error, and nothing is divided by that or by its rounding."""
    moves, stays = values
    frame = synthetic.seasonal(1, 200)
    frame["y"] = np.where(frame.index < 120, stays + moves * (frame["y"] - frame["y"].mean()), stays)
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    frame.to_csv(path, index=False)
    outcome = backtest(path, horizon=3, out=out, test_size=40, model="linear", set_=quick("linear"))

    def no_number(word: str) -> float:
        raise AssertionError(f"{word} is no JSON")

    report = json.loads((tmp_path / "out.csv.report.json").read_text(), parse_constant=no_number)
    for metric, why in said.items():
        assert why in report["beside_seasonal_naive"][metric]["void"]
        assert any(line.startswith(f"{metric.upper()} beside seasonal naive's: n/a, ") for line in outcome.lines)
    for line in void:
        assert [told for told in outcome.lines if told.startswith(line)], outcome.lines


def test_seasonal_naive_is_not_compared_with_itself(file: Path, tmp_path: Path) -> None:
    """Its backtest has its metrics and no ratio."""
    out = tmp_path / "out.parquet"
    outcome = backtest(file, horizon=3, out=out, model="seasonal_naive")
    assert not [line for line in outcome.lines if "of seasonal naive's" in line]
    assert json.loads((tmp_path / "out.parquet.report.json").read_text())["beside_seasonal_naive"] == {}


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
    out, new, horizon = tmp_path / "out.csv", tmp_path / "new.csv", ("--horizon", "2")
    good = _run("forecast", str(file), *horizon, "--model", "seasonal-naive", "--out", str(out))
    assert (good.returncode, out.exists()) == (0, True), good.stderr
    assert "wrote" in good.stdout
    pd.concat([hourly, hourly.iloc[:3].assign(unique_id="none", y=np.nan)]).to_parquet(file)
    assert run("forecast", file, *horizon, "--model", "seasonal_naive", "--out", out).code == 3
    absent = run("forecast", tmp_path / "absent.csv", *horizon, "--out", new)
    assert (absent.code, new.exists()) == (2, False)
    assert absent.stderr.startswith("error: no file")
    wrong = run("forecast", file, *horizon, "--out", new, "--set", "steps")
    assert (wrong.code, wrong.stderr) == (2, "error: --set steps: expected key=value.\n")


def test_a_full_disk_leaves_nothing_behind(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An output that cannot be finished is not there at all."""

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ConfigError, match=r"No space left on device\. Nothing was written"):
        forecast(file, horizon=2, out=tmp_path / "out.parquet", model="seasonal_naive")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]
