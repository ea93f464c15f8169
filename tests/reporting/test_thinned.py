"""A long series is drawn by few points, and looks the same."""

import numpy as np
import pandas as pd
import pytest

from forecaster.reporting import figures
from forecaster.reporting.thinned import thinned

ROWS = 30_000
PIXELS = 1_500


@pytest.fixture
def long() -> pd.DataFrame:
    """A minute a row, with a peak and a dip of one row each."""
    y = np.random.default_rng(0).normal(0, 0.1, ROWS)
    y[[12_345, 23_456]] = 40, -50
    return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=ROWS, freq="min", tz="UTC"), "y": y})


def test_every_column_of_pixels_keeps_its_ends(long: pd.DataFrame) -> None:
    """The least and the greatest value of each stretch of time, and the first and the last row."""
    few = thinned(long, "y")
    assert len(few) <= 2 * PIXELS + 2
    assert few["ds"].is_monotonic_increasing
    pixel = np.arange(ROWS) * PIXELS // ROWS
    wanted = long.groupby(pixel)["y"].agg(["min", "max"])
    pd.testing.assert_frame_equal(few.groupby(pixel[few.index])["y"].agg(["min", "max"]), wanted)
    assert few.index[[0, -1]].tolist() == [0, ROWS - 1]
    assert {12_345, 23_456} <= set(few.index)


def test_a_gap_stays_where_it_can_be_seen(long: pd.DataFrame) -> None:
    """A missing hour is three pixels wide and breaks the line; a missing row every two minutes does not."""
    long.loc[10_000:10_060, "y"] = np.nan
    long.loc[20_000:21_000:2, "y"] = np.nan
    gaps = thinned(long, "y").loc[lambda rows: rows["y"].isna()]
    assert gaps.index.tolist() == [10_000]


def test_few_rows_and_rows_without_values_are_drawn_as_they_are(long: pd.DataFrame) -> None:
    """What fits is not touched; of nothing the ends are left."""
    pd.testing.assert_frame_equal(thinned(long[:3_000], "y"), long[:3_000])
    assert len(thinned(long.assign(y=np.nan), "y")) == 2


def test_a_long_figure_is_small(long: pd.DataFrame) -> None:
    """Line and band by the pixels of a screen; the peak of an event is marked all the same."""
    scores = long.assign(lower=long["y"] - 1, upper=long["y"] + 1)
    peak = long["ds"][12_345]
    events = pd.DataFrame({"start": [peak], "peak": [peak], "end": [peak], "severity": [9.0], "direction": ["up"]})
    figure = figures.fan(long, pd.DataFrame(), scores, events)
    lines = {trace.name: len(trace.x) for trace in figure.data if trace.mode == "lines"}
    assert 0 < lines["observed"] < 3_100
    assert 0 < lines["expected"] < 6_200
    assert [trace.y.tolist() for trace in figure.data if trace.name == "anomaly"] == [[40.0]]
    assert len(figure.to_json()) < 600_000
