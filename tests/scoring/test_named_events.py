"""What an event says of itself is found in its rows, and shows what was strange."""

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.scoring.events import distances, peak_of


def _frame() -> pd.DataFrame:
    """Hourly values of daily seasons: six hours too high after 62 days, and a single one too low after 80."""
    hour = np.arange(24 * 90)
    y = 100 + 20 * np.sin(hour * np.pi / 12) + 3 * np.random.default_rng(0).standard_normal(len(hour))
    y[1500:1506] += 60
    y[1930] -= 60
    return pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(hour), freq="h"), "y": y})


def test_an_event_is_as_severe_as_its_rows_and_peaks_in_the_anomaly() -> None:
    """Not a season later, when forecasts still read the anomaly and views that look back are strangest."""
    frame = _frame()
    rows, events = api.detect(frame, false_alarms="1/1000-rows")
    tall, deep = (events[events["peak"] == frame["ds"][row]].iloc[0] for row in (1500, 1930))
    assert (tall["direction"], deep["direction"]) == ("up", "down")
    assert tall["upper"] < frame["y"][1500] - 40
    scores = rows.set_index("event_id")["score"]
    assert deep["severity"] == pytest.approx(scores[deep["event_id"]])  # its only row, which opened it
    assert (
        tall["severity"] >= scores[tall["event_id"]].max()
    )  # scores of later rows stay below those that open an event


def test_the_first_of_rows_that_are_as_far_off_is_the_peak() -> None:
    """A step back to what is usual is no stranger than the step away from it; without a band, severities decide."""
    y, expected = np.array([60.0, 58.0, 0.0, 1.0]), np.array([0.0, 55.0, 62.0, 2.0])
    far = distances(y, expected, expected - 5, expected + 5)
    assert far[0] == far[2] > far[1] > far[3]
    severity = np.array([3.0, 5.0, 7.0, 9.0])
    assert peak_of(severity, far) == 0
    assert peak_of(severity, np.array([0.1, 0.2, np.nan, 6.0])) == 3
    assert peak_of(severity, np.full(4, np.nan)) == 3
    constant = distances(np.array([7.0, 8.0, np.nan]), np.full(3, 7.0), np.full(3, 7.0), np.full(3, 7.0))
    np.testing.assert_array_equal(constant, [-np.inf, np.inf, np.nan])
