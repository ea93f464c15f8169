"""After a gap longer than what a forecast reads, the last value before it is not taken for certain."""

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import api

NUMBERS = ["expected", "lower", "upper", "score", "p_value"]


def _frame(gap: int) -> pd.DataFrame:
    """Hourly values of daily seasons, then a gross error, a gap, and two days as usual."""
    hour = np.arange(1000 + gap + 49)
    y = 100 + 20 * np.sin(hour * np.pi / 12) + 3 * np.random.default_rng(0).standard_normal(len(hour))
    y[1000] = 500
    frame = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=len(hour), freq="h"), "y": y})
    return frame.drop(index=range(1001, 1001 + gap)).reset_index(drop=True)


def test_a_value_after_a_long_gap_is_not_judged_by_an_outlier_before_it(tmp_path: Path) -> None:
    """Nothing is expected until a day of values has come, in a table and in a stream alike; usual ones raise no alarm."""
    for gap, known in ((600, False), (24, False), (10, True)):
        frame = _frame(gap)
        rows, _ = api.detect(frame)
        assert rows["is_anomaly"][1000]
        after = rows["expected"].notna().to_numpy()[1001:]
        assert after[:24].all() == after[:24].any() == known
        assert after[24:].all()
        assert gap < 600 or not rows["is_anomaly"][1001:].any()
        api.detect(frame[:900], save=tmp_path / str(gap), train_until=frame["ds"][149])
        expected, _ = api.detect(frame, train_until=frame["ds"][149])
        streamed = api.stream(tmp_path / str(gap)).feed(frame[900:])
        np.testing.assert_allclose(streamed[NUMBERS], expected[NUMBERS][900:], rtol=1e-5)
        assert streamed["is_anomaly"].tolist() == expected["is_anomaly"][900:].tolist()
