"""Channels as a whole: which count, what they say, and that nothing later is known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.aggregations.errors_and_levels import ErrorsAndLevels
from forecaster.scoring.together import Together
from forecaster.series import synthetic

ROWS, END = 900, 500


def _frame(seed: int = 0) -> pd.DataFrame:
    """Two channels that follow each other, one that never moves, and two that are commands."""
    random = np.random.default_rng(seed)
    base = synthetic.seasonal(1, ROWS)
    a = base["y"].to_numpy() + random.standard_normal(ROWS)
    return base[["unique_id", "ds"]].assign(
        a=a,
        b=2 * a + 0.3 * random.standard_normal(ROWS),
        still=5.0,
        on=(random.random(ROWS) < 0.1) * 1.0,
        never=0.0,
        is_test=np.arange(ROWS) >= END,
    )


def _detected(frame: pd.DataFrame, channels: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows, events = api.detect(frame, channels=channels, test_column="is_test")
    return rows[rows["channel"] == "*"].reset_index(drop=True), events[events["channel"] == "*"]


def test_one_channel_beside_commands_is_judged_as_alone() -> None:
    """One-hot columns change as they like and drown nothing."""
    frame = _frame()
    frame.loc[700:720, "a"] += 30
    whole, _ = _detected(frame, ["a", "on", "never"])
    alone, _ = api.detect(frame.rename(columns={"a": "y"}), test_column="is_test")
    # Far-ahead forecasts have weights that all series of a table share, so the tiniest p-values differ by a hundredth.
    np.testing.assert_allclose(whole["p_value"], alone["p_value"], rtol=1e-7, atol=1e-12)
    np.testing.assert_array_equal(whole["is_anomaly"], alone["is_anomaly"])


def test_levels_that_part_are_strange_though_each_is_usual() -> None:
    """What no channel shows by itself: one goes its usual way, the other that of another day."""
    frame = _frame()
    frame.loc[700:740, "b"] = 2 * frame.loc[700:740, "a"].mean() - (
        frame.loc[700:740, "b"] - frame.loc[700:740, "b"].mean()
    )
    _, events = _detected(frame, ["a", "b", "never"])
    assert ((events["start"] >= frame["ds"][700]) & (events["start"] <= frame["ds"][745])).any()


def test_a_constant_channel_that_moves_is_an_event_and_drowns_nothing() -> None:
    """It opens one, names itself first, and other events are found after it."""
    frame = _frame()
    frame.loc[600:, "still"] = 7.0
    frame.loc[800:810, ["a", "b"]] += 40.0
    whole, events = _detected(frame, ["a", "b", "still", "never"])
    first = events[events["start"] == frame["ds"][600]]
    assert len(first) == 1
    assert first["channels"].iloc[0].split(",")[0] == "still"
    assert whole.loc[800:810, "is_anomaly"].any()
    assert not whole.loc[700:780, "is_anomaly"].any()


def test_rows_to_come_change_nothing() -> None:
    """The whole of a table's first rows is that of the table."""
    frame = _frame()
    frame.loc[600:, "still"] = 7.0
    names = ["a", "b", "still", "on", "never"]
    every, _ = _detected(frame, names)
    some, _ = _detected(frame[:760], names)
    np.testing.assert_allclose(some["p_value"], every["p_value"][:760], rtol=1e-9)


def test_a_kept_detector_judges_channels_together_alike(tmp_path: Path) -> None:
    """What was learnt of them is kept by name; a new name learns from its own first rows."""
    frame = _frame()
    frame.loc[700:740, "b"] += 40.0
    names = ["a", "b", "still", "never"]
    rows, _ = api.detect(frame, channels=names, test_column="is_test", save=tmp_path / "kept")
    again, _ = api.detect(frame, load=tmp_path / "kept")
    pd.testing.assert_frame_equal(again, rows)
    new, _ = api.detect(frame.assign(unique_id="new"), load=tmp_path / "kept")
    whole = new[new["channel"] == "*"].reset_index(drop=True)
    assert whole["p_value"][100:].notna().all()
    assert whole.loc[700:740, "is_anomaly"].any()


def test_distance_is_that_of_hotelling() -> None:
    """Of two independent channels of unit spread: the sum of squares, beside its mean, averaged over the rows so far."""
    random = np.random.default_rng(2)
    y_TC = random.standard_normal((50_000, 2))
    nothing_TC = np.zeros_like(y_TC)
    together = Together.learn(y_TC, nothing_TC)
    squares = [4.0, 1.0, 9.0]
    some_TC = together.centre + together.spread * np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
    keep = 1 - 2 / 11
    weights = keep ** np.arange(3)[::-1]
    expected = np.sqrt((weights @ squares) / weights.sum() / 2)
    assert together.distance(some_TC)[-1] == pytest.approx(expected, rel=0.02)


def test_missing_channels_are_left_out() -> None:
    """All gone: nothing is said; some gone: the others speak."""
    y_TC = np.random.default_rng(3).standard_normal((300, 3))
    y_TC[:, 2] = np.nan
    together = Together.learn(y_TC, np.abs(y_TC))
    y_TC[10], y_TC[11, 0] = np.nan, np.nan
    found_T = together.strange(y_TC, np.abs(y_TC), np.abs(y_TC), ErrorsAndLevels(ErrorsAndLevels.Config()))
    assert np.isnan(found_T[10])
    assert np.isfinite(np.delete(found_T, 10)).all()
