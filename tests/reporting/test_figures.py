"""What is marked in a picture is there."""

import pandas as pd

from forecaster.reporting import figures


def test_a_peak_is_marked_at_the_reading_beside_its_step() -> None:
    """Readings come some seconds beside the steps that events count in; a silence has none, nor has what is out of sight."""
    steps = pd.date_range("2024-01-01", periods=50, freq="5min", tz="UTC")
    history = pd.DataFrame({"ds": steps + pd.to_timedelta([k % 7 for k in range(50)], "s"), "y": range(50)})
    history.loc[30:40, "y"] = float("nan")
    at = [steps[3], steps[35], steps[0] - pd.Timedelta("2h")]
    events = pd.DataFrame({"start": at, "peak": at, "end": at, "severity": 4.0, "direction": ["up", "silent", "down"]})
    (marks,) = [trace for trace in figures.fan(history, pd.DataFrame(), None, events).data if trace.name == "anomaly"]
    assert marks.y.tolist() == [3.0]
    assert [pd.Timestamp(x) for x in marks.x] == [history["ds"][3].tz_convert(None)]
