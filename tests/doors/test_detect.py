"""The door of detection: a row for every row, and events."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from tests.quick import quick

SETTINGS = quick()


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
    assert list(found.columns) == [
        "event_id", "unique_id", "start", "peak", "end", "severity", "direction", "channels", "expected", "lower", "upper",
        "is_open",
    ]  # fmt: skip
    told = json.loads((tmp_path / "out.csv.report.json").read_text())["found_by"]
    assert list(told) == found["event_id"].tolist()
    assert {told[event] for event in hit["event_id"]} <= {"error of one value", "beyond all values before"}
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
        ({"false_alarms": "1/0-rows"}, "must lie between 0 and 1"),
        ({"test_column": "unique_id"}, "expected 0 and 1, found 's0' in row 0"),
        ({"train_until": "2099-01-01"}, "none is left to score"),
    ):
        with pytest.raises(ConfigError, match=message):
            detect(file, out=tmp_path / "out.csv", detector="residual", set_={"steps": 10**9}, **wrong)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.parquet"]


@pytest.mark.parametrize("again", [False, True], ids=["trained", "loaded"])
def test_a_series_too_short_to_be_judged_is_told(tmp_path: Path, again: bool) -> None:
    """It is a skipped series of the report, beside one that was judged, also with a saved detector."""
    path, out, saved = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "saved"
    frame = synthetic.seasonal(2, 200)
    frame[(frame["unique_id"] == "s0") | (frame.index % 200 < 3)].to_csv(path, index=False)
    found = detect(path, out=out, detector="ewma", save=saved)
    if again:
        found = detect(path, out=out, load=saved)
    assert found.skipped == 1
    assert any("too short for detector 'ewma'" in line and "(1 series, 3 rows)" in line for line in found.lines)
    assert pd.read_csv(out).query("unique_id == 's1'")["score"].isna().all()


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
        (
            {"set_": {"hoirzon": 5}},
            "detector 'auto' has no setting 'hoirzon'. Known: aggregation, fdr, labels, members,",
        ),
        ({"detector": "ridge", "set_": {"lag": 5}}, "detector 'ridge' has no setting 'lag'. Did you mean 'lags'?"),
        ({"set_": {"hoirzon": 5}, "train_until": "2024-01-01T03:00"}, "has no setting 'hoirzon'"),
        (
            {"set_": {"members": "ridge,residual", "stpes": 5}, "train_until": "2024-01-09"},
            "unknown setting 'stpes'. Did you mean 'steps'?",
        ),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            detect(file, out=tmp_path / "out.csv", **wrong)


def test_labels_are_never_read(tmp_path: Path) -> None:
    """Other labels, the same scores; and naming one as a channel is refused."""
    frame = _with_anomalies(synthetic.seasonal(1, 300), [200])
    one, _ = api.detect(frame)
    two, _ = api.detect(frame.assign(label=1 - frame["label"]))
    pd.testing.assert_frame_equal(one, two)
    with pytest.raises(ConfigError, match="cannot be a target"):
        api.detect(frame, channels=["y", "label"])


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


def test_a_high_level_hides_nothing() -> None:
    """A pressure, or a meter's count: what is strange at a level of 0 is as strange at a million."""
    low = synthetic.seasonal(2, 400, noise=0.3)
    low.loc[[300, 720], "y"] += 10
    high = low.assign(y=low["y"] + 1e6)
    (one, few), (two, as_few) = api.detect(low), api.detect(high)
    np.testing.assert_allclose(two["score"], one["score"], atol=1e-3)
    assert one.loc[[300, 720], "is_anomaly"].all()
    assert as_few["event_id"].tolist() == few["event_id"].tolist()
