"""A detector that learns from labels: what it finds, what it makes of doubt, and how right its probabilities are."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import isotonic_regression

from forecaster import api, plugins
from forecaster.actions.detect import detect
from forecaster.detectors._log_odds import LogOdds, folds
from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.labels import Labels
from forecaster.series.roles import Roles

SERIES, ROWS, END, LONG = 3, 1600, 1000, 12
QUICK = {"steps": 100, "rows": 48}
TOGETHER = {"members": "ridge,profile,seen_range,labeller"}


def _frame(seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three series in which values waver now and then, no farther than usual, and labels of where they do; seldom after training."""
    random = np.random.default_rng(seed)
    frame, labels = synthetic.seasonal(SERIES, ROWS, noise=0.0), []
    for s in range(SERIES):
        y = 1.5 * random.standard_normal(ROWS)
        y = np.convolve(np.r_[np.zeros(9), y], np.ones(10) / np.sqrt(10), mode="valid")
        for start in (*range(60 + 20 * s, END - LONG, 90), 1220 + 20 * s, 1500 + 20 * s):
            y[start : start + LONG] = np.where(np.arange(LONG) % 2 == 0, 1.3, -1.3) + 0.2 * random.standard_normal(LONG)
            labels.append((f"s{s}", frame["ds"][start], frame["ds"][start + LONG - 1]))
        frame.loc[frame["unique_id"] == f"s{s}", "y"] = y
    return frame, pd.DataFrame(labels, columns=["unique_id", "start", "end"])


def _written(labels: pd.DataFrame, path: Path) -> dict[str, object]:
    labels.to_csv(path, index=False)
    return {"labels": str(path), **QUICK}


def _found(rows: pd.DataFrame, labels: pd.DataFrame) -> float:
    """Share of labelled spans after training that an alarm lies in."""
    end = rows["ds"].iloc[END]
    later = labels[labels["start"] >= end]
    met = [
        rows["is_anomaly"][(rows["unique_id"] == one.unique_id) & rows["ds"].between(one.start, one.end)].any()
        for one in later.itertuples()
    ]
    return float(np.mean(met))


def _false(rows: pd.DataFrame, labels: pd.DataFrame) -> int:
    """Events that no labelled span meets, with the window that still holds it."""
    count = 0
    for (name, _), event in rows[rows["is_anomaly"]].groupby(["unique_id", "event_id"]):
        mine = labels[labels["unique_id"] == name]
        count += not ((mine["start"] <= event["ds"].max()) & (mine["end"] >= event["ds"].min())).any()
    return count


@pytest.mark.slow
def test_labelled_kinds_are_found_that_the_default_misses(tmp_path: Path) -> None:
    """Through the file door, by itself and beside the default's members; a stream of the kept detector says the same."""
    frame, labels = _frame()
    frame.to_parquet(tmp_path / "in.parquet")
    taught = _written(labels, tmp_path / "labels.csv")
    words = {"train_until": str(frame["ds"][END - 1]), "out": tmp_path / "out.parquet"}
    shares = {}
    for name, detector, settings in (
        ("default", "auto", {}),
        ("labelled", "auto", {"labels": taught["labels"]}),
        ("labeller", "labeller", taught),
        ("together", "auto", {**TOGETHER, **taught}),
    ):
        detect(tmp_path / "in.parquet", detector=detector, set_=settings, save=tmp_path / name, **words)
        rows = pd.read_parquet(tmp_path / "out.parquet")
        shares[name] = _found(rows, labels)
        assert _false(rows, labels) <= 6, name
    assert max(shares["default"], shares["labelled"]) < 0.4
    assert shares["labeller"] > 0.8
    assert shares["together"] > shares["labelled"] + 0.2


@pytest.mark.slow
def test_a_kept_labeller_streams_what_it_detects(tmp_path: Path) -> None:
    """Without the labels, over a state that is stored in between; labels after training change not one number: they are
    what is to be found."""
    frame, labels = _frame()
    words = {"train_until": frame["ds"][END - 1], "detector": "labeller"}
    whole, _ = api.detect(frame, **words, settings=_written(labels, tmp_path / "labels.csv"))
    taught = _written(labels[labels["end"] < frame["ds"][END]], tmp_path / "labels.csv")
    row = frame.groupby("unique_id").cumcount()
    begun, _ = api.detect(frame[row < END + 50], **words, settings=taught, save=tmp_path / "kept")
    pd.testing.assert_frame_equal(begun.reset_index(drop=True), whole[row < END + 50].reset_index(drop=True))
    (tmp_path / "labels.csv").unlink()
    stream = api.stream(tmp_path / "kept")
    parts = [stream.feed(frame[(row >= END + 50) & (row < END + 200)])]
    stream.save(tmp_path / "state")
    parts.append(api.stream(tmp_path / "kept", tmp_path / "state").feed(frame[row >= END + 200]))
    found = pd.concat(parts).sort_values(["unique_id", "ds"])
    expected = whole[row >= END + 50].sort_values(["unique_id", "ds"])
    np.testing.assert_allclose(found["p_value"], expected["p_value"], rtol=1e-4)
    np.testing.assert_array_equal(found["is_anomaly"], expected["is_anomaly"])
    assert found["is_anomaly"].any()


@pytest.mark.slow
def test_what_nobody_labelled_is_not_taken_for_normal() -> None:
    """Half of what wavers in training has no label, and lies where nobody said what is normal: the rest is found all the same."""
    frame, labels = _frame()
    grid, ends = check(frame, Roles()).grids[0], np.full(SERIES, END)
    half = labels.iloc[::2].assign(kind="confirmed")
    marks_N = Labels([], lists=False).of(grid, ends)
    for one in half[half["end"] < frame["ds"][END]].itertuples():
        s = int(one.unique_id[1:])
        first = int((one.start - frame["ds"][0]) / pd.Timedelta(hours=1))
        marks_N[grid.offsets[s] + first : grid.offsets[s] + first + LONG] = 1.0
    found = plugins.load("detectors", "labeller")
    detector = found(found.Config())
    detector.teach(marks_N)
    detector.fit(grid, ends, dict(QUICK))
    odds_N = detector.views(grid).scores[:, 0]
    truth_N = _truth(frame, labels)
    later_N = np.concatenate([np.arange(ROWS) >= END] * SERIES)
    # The first values of a span look like any.
    assert np.median(odds_N[later_N & (truth_N > 4)]) > np.quantile(odds_N[later_N & (truth_N == 0)], 0.95)


def _truth(frame: pd.DataFrame, labels: pd.DataFrame) -> np.ndarray:
    """Of each row how many rows ago its span began, from 1 on; 0 outside."""
    truth = np.zeros(len(frame), int)
    for one in labels.itertuples():
        rows = np.flatnonzero((frame["unique_id"] == one.unique_id) & frame["ds"].between(one.start, one.end))
        truth[rows] = 1 + np.arange(len(rows))
    return truth


@pytest.mark.slow
def test_log_odds_are_those_of_what_comes_later() -> None:
    """Of rows after training that are told to be anomalous with some probability, about that share is."""
    frame, labels = _frame()
    grid, ends = check(frame, Roles()).grids[0], np.full(SERIES, END)
    every = [*labels.assign(kind="anomaly").itertuples(index=False, name=None)]
    from forecaster.series.labels import Label

    found = plugins.load("detectors", "labeller")
    detector = found(found.Config())
    detector.teach(Labels([Label(*one) for one in every]).of(grid, ends))
    detector.fit(grid, ends, dict(QUICK))
    odds_N = detector.views(grid).scores[:, 0]
    later_N = np.concatenate([np.arange(ROWS) >= END] * SERIES)
    truth_N = _truth(frame, labels) > 0
    probability_N = 1 / (1 + np.exp(-odds_N))
    for some_N in (probability_N < 0.05, probability_N > 0.8):
        assert some_N[later_N].sum() > 30
        assert truth_N[later_N & some_N].mean() == pytest.approx(probability_N[later_N & some_N].mean(), abs=0.1)


def test_without_labels_it_says_what_is_missing(tmp_path: Path) -> None:
    """None at all, none of an anomaly before training ends, and none where nothing learns from them but calibration."""
    frame, labels = _frame()
    words = {"train_until": frame["ds"][END - 1], "detector": "labeller"}
    with pytest.raises(ConfigError, match=r"settings={'labels': 'FILE'}"):
        api.detect(frame, **words)
    later = labels[labels["start"] > frame["ds"][END]]
    with pytest.raises(DataError, match="Give a later train_until"):
        api.detect(frame, settings=_written(later, tmp_path / "labels.csv"), **words)
    outside = labels.assign(unique_id="s7")
    with pytest.raises(DataError, match="no row of the data in 's7'"):
        api.detect(frame, settings=_written(outside, tmp_path / "labels.csv"), **words)


def test_labelled_anomalies_do_not_count_as_normal(tmp_path: Path) -> None:
    """Whatever the detector: many jumps in training make one more less strange, unless labels say what they were."""
    frame = synthetic.seasonal(1, 700)
    frame["y"] = np.random.default_rng(5).standard_normal(700)
    starts = [*range(60, 440, 12), 600]
    for start in starts:
        frame.loc[start, "y"] += 12
    begins = frame["ds"][starts[:-1]].to_numpy()
    spans = pd.DataFrame({"unique_id": "s0", "start": begins, "end": begins})
    spans.to_csv(tmp_path / "labels.csv", index=False)
    words = {"detector": "ewma", "train_until": frame["ds"][449]}
    told, _ = api.detect(frame, settings={"labels": str(tmp_path / "labels.csv")}, **words)
    untold, _ = api.detect(frame, **words)
    assert told["score"][600] > untold["score"][600] + 3


def test_isotonic_log_odds_are_those_of_scipy(random: np.random.Generator) -> None:
    """Its blocks, each with half a row of either kind more; rising, also beyond what was seen, where chances stay."""
    raw = random.standard_normal(20_000)
    marks = (random.uniform(size=20_000) < 1 / (1 + np.exp(-2 * raw))).astype(float)
    line = LogOdds.fit(raw, np.where(random.uniform(size=20_000) < 0.1, np.nan, marks))
    grid = np.linspace(-6, 6, 200)
    assert (np.diff(line.of(grid)) >= 0).all()
    assert line.of(np.array([9.0]))[0] > line.of(np.array([5.0]))[0]
    assert line.chance(np.array([9.0]))[0] == line.chance(np.array([5.0]))[0]
    every = LogOdds.fit(raw, marks)
    fitted = isotonic_regression(marks[np.argsort(raw)]).x
    middle = np.abs(np.sort(raw)) < 1
    np.testing.assert_allclose(1 / (1 + np.exp(-every.of(np.sort(raw))))[middle], fitted[middle], atol=0.1)


def test_a_chance_is_no_commoner_than_it_says(random: np.random.Generator) -> None:
    """Of normal rows at most one in a hundred has a chance of one in a hundred."""
    marks = (random.uniform(size=20_000) < 0.2).astype(float)
    raw = random.standard_normal(20_000) + 3 * marks
    line = LogOdds.fit(raw[:10_000], marks[:10_000])
    said = line.chance(raw[10_000:])
    assert (said[marks[10_000:] == 0] >= 2).mean() < 0.01
    assert (said[marks[10_000:] == 1] >= 2).mean() > 0.2


def test_parts_have_anomalies_by_turns() -> None:
    """Cut half-way between two of them, across series; a series without any lies in one part."""
    grid = check(synthetic.seasonal(3, 20), Roles()).grids[0]
    marks = np.full(60, np.nan)
    marks[[4, 5, 12, 45]] = 1.0
    found = folds(grid, marks)
    assert found[:20].tolist() == [0] * 9 + [1] * 11
    assert set(found[20:40].tolist()) == {0}
    assert set(found[40:].tolist()) == {1}
