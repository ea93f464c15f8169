"""Of all events that are told, over many series, the share asked for may be false."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.errors import ArtifactError, ConfigError
from forecaster.scoring.fdr import benjamini_hochberg
from forecaster.scoring.wealth import Wealth, _weights
from forecaster.series import synthetic


def test_the_step_up_is_that_of_scipy(random: np.random.Generator) -> None:
    """Tests are discoveries where scipy's adjusted p-values are below the level."""
    p = np.concatenate([random.uniform(size=50), random.uniform(size=10) ** 4])
    np.testing.assert_array_equal(benjamini_hochberg(p, 0.1), false_discovery_control(p) <= 0.1)
    assert not benjamini_hochberg(np.zeros(0), 0.1).any()


def test_the_wealth_is_that_of_its_equation() -> None:
    """By hand: a quarter of the level times the first weight, as much again after a discovery, twice that after each other."""
    first, second = _weights(np.arange(2.0))
    levels = [0.025 * first, 0.9, 0.025 * (second + second), 0.025 * (second + second) + 0.05 * first]
    np.testing.assert_array_equal(_saffron(np.array(levels), 0.1), [True, False, True, True])
    for k in (0, 2, 3):
        above = np.array([*levels[:k], levels[k] * 1.0001, *levels[k + 1 :]])
        assert not _saffron(above, 0.1)[k]
    assert _weights(np.arange(1e6)).sum() == pytest.approx(1, abs=1e-3)


def test_false_discoveries_are_as_rare_as_asked() -> None:
    """A tenth of 400 tests is false on average, in a thousand repetitions, and most of what is there is found."""
    for method in (_saffron, benjamini_hochberg):
        shares, powers = [], []
        for seed in range(1000):
            random = np.random.default_rng(seed)
            real = random.uniform(size=400) < 0.3
            p = np.where(real, random.uniform(size=400) * 1e-4, random.uniform(size=400))
            found = method(p, 0.1)
            shares.append((found & ~real).sum() / max(found.sum(), 1))
            powers.append((found & real).sum() / real.sum())
        assert np.mean(shares) < 0.1
        assert np.mean(powers) > 0.9


def test_what_comes_later_changes_no_discovery(random: np.random.Generator) -> None:
    """Each is decided in its turn."""
    p = random.uniform(size=200) ** 3
    np.testing.assert_array_equal(_saffron(p[:120], 0.1), _saffron(p, 0.1)[:120])


def _saffron(p_values: "np.ndarray[Any, Any]", level: float) -> "np.ndarray[Any, Any]":
    """Which of some tests are discoveries, each decided in its turn."""
    wealth = Wealth(level)
    return np.array([wealth.discovers(p) for p in p_values.tolist()], bool)


def _frame() -> pd.DataFrame:
    """Thirty series of noise, an error of twelve spreads in every third."""
    frame = synthetic.seasonal(30, 500, seed=2, noise=0.3)
    row = frame.groupby("unique_id").cumcount()
    odd = frame["unique_id"].str[1:].astype(int) % 3 == 0
    frame["label"] = (odd & (row == 400)).astype(int)
    frame["y"] += 12.0 * frame["label"]
    return frame


def test_the_doors_keep_the_events_that_are_discoveries(tmp_path: Path) -> None:
    """At a rate that gives many false alarms: most are gone, what was planted stays, and the report says so."""
    frame = _frame()
    frame.to_parquet(tmp_path / "in.parquet")
    shares = {}
    for fdr in ("0", "0.1"):
        words = {"detector": "ewma", "false_alarms": "1/100-rows", "events": tmp_path / "events.csv"}
        done = detect(tmp_path / "in.parquet", out=tmp_path / "out.parquet", set_={"fdr": fdr}, **words)
        rows, events = pd.read_parquet(tmp_path / "out.parquet"), pd.read_csv(tmp_path / "events.csv")
        assert set(rows["event_id"].dropna()) == set(events["event_id"])
        assert (rows["event_id"].notna() == rows["is_anomaly"]).all()
        hit = rows.loc[rows["is_anomaly"] & (frame["label"].to_numpy() == 1), "event_id"].nunique()
        assert hit >= 8
        shares[fdr] = 1 - hit / len(events)
        assert any("fdr 0.1" in line for line in done.lines) == (fdr == "0.1")
    assert shares["0"] > 0.6
    assert shares["0.1"] < 0.25


def test_with_hindsight_all_are_decided_together(tmp_path: Path) -> None:
    """By Benjamini and Hochberg, and the screen says so; a share that is none is refused."""
    _frame().drop(columns="label").to_parquet(tmp_path / "in.parquet")
    words = {"file": tmp_path / "in.parquet", "out": tmp_path / "out.parquet", "detector": "ewma"}
    done = detect(**words, set_={"fdr": "0.1"}, hindsight=True)
    assert any("Benjamini" in line for line in done.lines)
    assert done.facts["events"] >= 8
    with pytest.raises(ConfigError, match="0 <= fdr < 1"):
        detect(**words, set_={"fdr": "2"})


def test_a_saved_detector_keeps_the_share(tmp_path: Path) -> None:
    """Detection by it keeps the same events; with hindsight all are decided together, which no stream can."""
    frame = _frame().drop(columns="label")
    rows, _ = api.detect(frame, detector="ewma", settings={"fdr": "0.1"}, save=tmp_path / "kept")
    again, _ = api.detect(frame, load=tmp_path / "kept")
    pd.testing.assert_frame_equal(again, rows)
    api.detect(frame, detector="ewma", settings={"fdr": "0.1"}, hindsight=True, save=tmp_path / "together")
    with pytest.raises(ArtifactError, match="fdr and --hindsight cannot be streamed"):
        api.stream(tmp_path / "together")
