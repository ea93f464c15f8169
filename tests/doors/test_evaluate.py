"""The door `evaluate`: labelled files in, a leaderboard out, and labels that no detector sees."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api, plugins
from forecaster.actions.evaluate import evaluate
from forecaster.detectors.ewma import Ewma
from forecaster.errors import ConfigError, DataError
from forecaster.evaluation.buffer import period
from forecaster.series import synthetic


def _labelled(seed: int = 0, series: int = 2) -> pd.DataFrame:
    """Noise with a jump of some rows in every series, labelled."""
    frame = synthetic.seasonal(series, 500, seed=seed, noise=0.1)
    row = frame.groupby("unique_id").cumcount()
    frame["label"] = row.between(300, 309).astype(int)
    frame["y"] += 30.0 * frame["label"]
    return frame


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    _labelled().to_parquet(path, index=False)
    return path


def test_a_leaderboard_has_every_number_of_every_detector(file: Path, tmp_path: Path) -> None:
    """And a random score's row, which a detector that sees the jump is above."""
    outcome = evaluate(file, out=tmp_path / "out.csv", detectors=["ewma"])
    board = outcome.table
    assert board is not None
    assert list(board.index) == ["ewma", "random"]
    numbers = [n for name in plugins.names("anomaly_metrics") for n in plugins.load("anomaly_metrics", name).ideals]
    assert set(board.columns) == {"series", "cpu_seconds", *numbers}
    assert board.loc["ewma", "vus_pr"] > board.loc["random", "vus_pr"] + 0.2
    assert board.loc["ewma", "event_recall"] == 1
    rows = pd.read_csv(tmp_path / "out.csv")
    assert sorted(zip(rows["detector"], rows["unique_id"], strict=True)) == [
        ("ewma", "s0"), ("ewma", "s1"), ("random", "s0"), ("random", "s1"),
    ]  # fmt: skip
    assert rows["vus_pr"][rows["detector"] == "ewma"].mean() == pytest.approx(board.loc["ewma", "vus_pr"])
    report = json.loads((tmp_path / "out.csv.report.json").read_text())
    assert report["leaderboard"]["ewma"]["vus_pr"] == pytest.approx(board.loc["ewma", "vus_pr"])


def test_both_doors_give_the_same_numbers(file: Path, tmp_path: Path) -> None:
    """From a file, and from a frame in any order of rows."""
    from_file = evaluate(file, out=tmp_path / "out.csv", detectors=["ewma"]).table
    assert from_file is not None
    with pytest.warns(UserWarning, match="sorted"):
        from_frame, _ = api.evaluate(_labelled().sample(frac=1, random_state=1), detectors=["ewma"])
    pd.testing.assert_frame_equal(from_file.drop(columns="cpu_seconds"), from_frame.drop(columns="cpu_seconds"))


def test_labels_decide_numbers_but_no_score(monkeypatch: pytest.MonkeyPatch) -> None:
    """A detector gets the same series whatever the labels are."""
    seen = []

    def spy(self: Ewma, y_T: np.ndarray) -> np.ndarray:
        seen.append(y_T.copy())
        return np.zeros_like(y_T)

    monkeypatch.setattr(Ewma, "views", lambda self, grid: super(Ewma, self).views(grid))
    monkeypatch.setattr(Ewma, "score", spy)
    frame = _labelled()
    api.evaluate(frame, detectors=["ewma"])
    api.evaluate(frame.assign(label=1 - frame["label"]), detectors=["ewma"])
    np.testing.assert_array_equal(seen[:2], seen[2:])


def test_a_folders_mean_is_over_its_folders(tmp_path: Path) -> None:
    """One series in a folder weighs as much as three in another; a table without labels is named."""
    for name, series in (("a/set", 1), ("b/set", 3)):
        (tmp_path / "in" / name).mkdir(parents=True)
        _labelled(series, series).to_parquet(tmp_path / "in" / name / "in.parquet", index=False)
    pd.DataFrame({"unique_id": ["s0"]}).to_csv(tmp_path / "in" / "a" / "info.csv", index=False)
    outcome = evaluate(tmp_path / "in", out=tmp_path / "out.csv", detectors=["ewma"])
    assert any("info.csv" in line and "no column 'label'" in line for line in outcome.lines)
    rows = pd.read_csv(tmp_path / "out.csv")
    means = rows[rows["detector"] == "ewma"].groupby("folder")["vus_pr"].mean()
    assert outcome.table is not None
    assert outcome.table.loc["ewma", "vus_pr"] == pytest.approx(means.mean())
    frames = {name: pd.read_parquet(tmp_path / "in" / name / "set" / "in.parquet") for name in ("a", "b")}
    assert api.evaluate(frames, detectors=["ewma"])[0].loc["ewma", "vus_pr"] == pytest.approx(means.mean())


def test_a_detector_that_fails_stops_none(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named with its reason, and the command ends with 3."""
    monkeypatch.setattr(Ewma, "views", lambda *_: 1 / 0)
    outcome = evaluate(file, out=tmp_path / "out.csv", detectors=["ewma"])
    assert outcome.table is not None
    assert list(outcome.table.index) == ["random"]
    assert outcome.skipped == 1
    assert any("detector ewma: ZeroDivisionError: division by zero" in line for line in outcome.lines)


def test_channels_are_judged_as_one_series() -> None:
    """Two columns, one label."""
    frame = _labelled().assign(other=0.0)
    frame["other"] = np.random.default_rng(0).standard_normal(len(frame))
    board, rows = api.evaluate(frame, detectors=["ewma"], channels=["y", "other"])
    assert board.loc["ewma", "series"] == 2
    assert rows["unique_id"].tolist() == ["s0", "s1"] * 2


def test_settings_reach_the_detector_that_they_name(file: Path, tmp_path: Path) -> None:
    """`NAME.key` only that one; a key of none is an error."""
    usual, other = (
        api.evaluate(_labelled(), detectors=["ewma"], settings=settings)[0].loc["ewma", "vus_pr"]
        for settings in ({}, {"ewma.alpha": 0.9})
    )
    assert usual != other
    for key in ("ewma.beta", "beta", "residual.horizon"):
        with pytest.raises(ConfigError, match=key.split(".")[-1]):
            evaluate(file, out=tmp_path / "out.csv", detectors=["ewma"], set_={key: "1"})


def test_what_cannot_be_judged_is_told(tmp_path: Path, file: Path) -> None:
    """A wrong column, text for labels, an unknown detector, an empty folder; and no file is written."""
    out = tmp_path / "out.csv"
    with pytest.raises(ConfigError, match="no column 'labels'"):
        evaluate(file, out=out, label="labels")
    with pytest.raises(ConfigError, match="Did you mean 'ewma'"):
        evaluate(file, out=out, detectors=["ewna"])
    path = tmp_path / "text.csv"
    _labelled().assign(label="odd").to_csv(path, index=False)
    with pytest.raises(ConfigError, match="expected 0 and 1, found 'odd'"):
        evaluate(path, out=out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no table could be judged"):
        evaluate(tmp_path / "empty", out=out)
    assert not out.exists()


@pytest.mark.parametrize("lag", [12, 100, 288])
def test_the_buffer_is_the_period(lag: int) -> None:
    """Of a wave that changes its shape; 125 where there is no period, or one beyond 303."""
    t = np.arange(6000)
    wave = np.sin(2 * np.pi * t / lag) + 0.1 * np.random.default_rng(0).standard_normal(6000)
    assert abs(period(np.convolve(wave, np.ones(3) / 3, "same")) - lag) <= 1
    assert period(np.zeros(50)) == period(t[:3000] * 1.0) == period(np.full(9, np.nan)) == period(wave[:0]) == 125
