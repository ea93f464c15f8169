"""Missing values: nothing, the last value once more, or an event when they last too long."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.scoring.gaps import Meaning, Meanings, filled_forward, since_value
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.frequency import parse
from forecaster.series.roles import Roles

ASKED: dict[str, Any] = {"detector": "ewma", "false_alarms": "1/1000-rows"}


def _frame() -> pd.DataFrame:
    """Three hourly series by time: s0 lacks 3 values at 250 and rows 300 to 309, s1 ends at 350, s2 has empty rows from 380."""
    frame = synthetic.seasonal(3, 400, seed=3)
    frame.loc[250:252, "y"] = np.nan
    frame.loc[800 + 380 :, "y"] = np.nan
    gone = [*range(300, 310), *range(400 + 350, 800)]
    return frame.drop(frame.index[gone]).sort_values(["ds", "unique_id"], kind="stable").reset_index(drop=True)


def _time(row: int) -> pd.Timestamp:
    return pd.Timestamp("2024-01-01") + pd.Timedelta(hours=row)


def _silences(frame: pd.DataFrame, **rules: str) -> pd.DataFrame:
    settings = {f"rules.{name}": value for name, value in rules.items()}
    events = api.detect(frame, settings=settings, **ASKED)[1]
    return events[events["direction"] == "silent"].set_index("unique_id")


def test_a_silent_series_is_an_event() -> None:
    """From its time-out after the last value to the last step without one; open where none has come back.

    Of s1 the last step is not sure: another row of that time may be on its way.
    """
    found = _silences(_frame(), silent_after="6h")
    by_hand = {"s0": (305, 309, False), "s1": (355, 398, True), "s2": (385, 399, True)}
    assert {
        name: (
            (row["start"] - _time(0)) / pd.Timedelta("1h"),
            (row["end"] - _time(0)) / pd.Timedelta("1h"),
            row["is_open"],
        )
        for name, row in found.iterrows()
    } == by_hand
    assert found.loc["s1", "event_id"] == "s1@2024-01-15T19:00:00"
    assert found["severity"].to_dict() == pytest.approx(
        {"s0": 3 + np.log10(10 / 6), "s1": 3 + np.log10(49 / 6), "s2": 3 + np.log10(20 / 6)}
    )
    assert found["expected"].isna().all()
    assert _silences(_frame()).empty, "nobody asked"


@pytest.mark.parametrize(
    ("rules", "starts"),
    [
        ({"gaps": "alarm"}, {"s0": [250, 300], "s1": [350], "s2": [380]}),
        ({"silent_after": "11"}, {"s1": [360], "s2": [390]}),
        ({"gaps": "hold", "silent_after": "90min"}, {"s0": [251, 301], "s1": [351], "s2": [381]}),
        ({"silent_after": "TABLE"}, {"s0": [250, 300], "s2": [394]}),
        ({"silent_after": "6h", "maintenance": "2024-01-13T12:00/2024-01-17"}, {"s1": [384], "s2": [385]}),
    ],
)
def test_a_time_out_is_that_of_the_series(rules: dict[str, str], starts: dict[str, list[int]], tmp_path: Path) -> None:
    """A duration is rounded up to steps; a table has one for each; maintenance is silent."""
    table = tmp_path / "times.csv"
    table.write_text("unique_id,silent_after,gaps\ns0,,alarm\ns2,15,\n")
    found = _silences(_frame(), **{name: value.replace("TABLE", str(table)) for name, value in rules.items()})
    rows = ((found["start"] - _time(0)) / pd.Timedelta("1h")).astype(int)
    assert rows.groupby(level=0).apply(list).to_dict() == starts


def test_a_missing_value_is_never_normal() -> None:
    """It has no p-value; past the time-out it is an anomaly of its silence, and elsewhere it belongs to no event."""
    rows = api.detect(_frame(), settings={"rules.silent_after": "6h"}, **ASKED)[0]
    missing = rows[rows["y"].isna()]
    assert missing["p_value"].isna().all()
    told = missing[missing["is_anomaly"]]
    assert told["ds"].tolist() == [_time(row) for row in range(385, 400)]
    assert set(told["event_id"]) == {"s2@2024-01-17T01:00:00"}
    assert missing.loc[~missing["is_anomaly"], "event_id"].isna().all()


def test_a_value_that_is_held_is_judged() -> None:
    """As if it came again, and no longer than until the series is silent."""
    grid = check(
        pd.DataFrame({"unique_id": "a", "ds": range(7), "y": [1.0, np.nan, np.nan, 4.0, np.nan, 5.0, np.nan]}), Roles()
    ).grids[0]
    assert filled_forward(grid, Meanings(Meaning(holds=True, limit=2))).y.tolist() == pytest.approx(
        [1, 1, np.nan, 4, 4, 5, 5], nan_ok=True
    )
    assert since_value(np.isnan([np.nan, 1.0, np.nan, np.nan, 2.0])).tolist() == [0, 0, 1, 2, 0]
    frame = _frame()[_frame()["unique_id"] == "s2"]
    rows = api.detect(frame, settings={"rules.gaps": "hold"}, **ASKED)[0]
    given = api.detect(frame.ffill(), **ASKED)[0]
    pd.testing.assert_frame_equal(rows.drop(columns="y"), given.drop(columns="y"))
    assert rows["y"].isna().any(), "what is written is what was read"


def test_what_comes_later_changes_no_silence() -> None:
    """A table cut at any time has the silences that began by then, under the same names."""
    whole = set(_silences(_frame(), silent_after="6h")["event_id"])
    for until in (303, 307, 340, 360, 398):
        cut = _frame()[_frame()["ds"] <= _time(until)]
        found = set(_silences(cut, silent_after="6h")["event_id"])
        assert found == {one for one in whole if pd.Timestamp(one.split("@")[1]) <= _time(until)}


@pytest.mark.parametrize("rules", [{"silent_after": "6h"}, {"gaps": "hold", "silent_after": "4"}, {"gaps": "alarm"}])
def test_a_stream_hears_the_silences_of_a_detection(rules: dict[str, str], tmp_path: Path) -> None:
    """In portions of any size, over a stored state, and after the file that the detector was taught by."""
    settings = {f"rules.{name}": value for name, value in rules.items()}
    frame = _frame()
    api.detect(frame[frame["ds"] < _time(200)], settings=settings, save=tmp_path / "detector", **ASKED)
    later = frame[frame["ds"] >= _time(200)]
    expected, events = api.detect(later, load=tmp_path / "detector")
    stream, begin, parts = api.stream(tmp_path / "detector"), 0, []
    for size in [1, 2, 150, 1, 50, 200, 1, 1, 500]:
        parts.append(stream.feed(later.iloc[begin : begin + size]))
        begin += size
        stream.save(tmp_path / "state")
        stream = api.stream(tmp_path / "detector", tmp_path / "state")
    found = pd.concat(parts)
    for name in ("is_anomaly", "event_id"):
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist()
    np.testing.assert_allclose(found["p_value"], expected["p_value"], rtol=1e-5)
    heard = {one for text in found["silent"].dropna() for one in text.split(",")}
    silent = events[events["direction"] == "silent"]
    assert len(silent) > 2
    own = set(found.loc[found["y"].isna(), "event_id"].dropna())
    assert heard | own == set(silent["event_id"])
    assert heard - set(silent.loc[silent["is_open"], "event_id"]) == set(silent.loc[~silent["is_open"], "event_id"])


def test_channels_are_silent_alone_and_together() -> None:
    """The whole is silent when all of its channels are."""
    frame = synthetic.seasonal(1, 300, seed=1).assign(b=lambda rows: rows["y"] * 2)
    frame.loc[250:, "b"] = np.nan
    frame.loc[270:279, "y"] = np.nan
    rows, events = api.detect(frame, channels=["y", "b"], settings={"rules.silent_after": "5"}, **ASKED)
    silent = events[events["direction"] == "silent"].set_index("channel")
    assert {name: row["start"] for name, row in silent.iterrows()} == {
        "y": _time(274),
        "b": _time(254),
        "*": _time(274),
    }
    assert silent.loc["*", "channels"] == "y,b"
    assert (
        rows.loc[(rows["channel"] == "*") & rows["is_anomaly"], "ds"]
        .isin([_time(row) for row in range(274, 280)])
        .any()
    )


def test_a_time_out_that_is_none_is_named() -> None:
    """At the door."""
    assert Meaning.of("ignore", "2D", parse("h")) == Meaning(limit=48)
    for wrong, message in (("soon", "not a time-out"), ("0", "at least 1 step"), ("absent.csv", "no file")):
        with pytest.raises(ConfigError, match=f"silent_after: .*{message}"):
            _silences(_frame(), silent_after=wrong)
    numbered = pd.DataFrame({"unique_id": "a", "ds": range(100), "y": 1.0})
    with pytest.raises(ConfigError, match="holds integers"):
        _silences(numbered, silent_after="6h")
