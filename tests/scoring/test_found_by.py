"""An event says what it was found by: the view that its first row is strangest in, as it was known then."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.detectors.auto import Auto
from forecaster.detectors.profile import Profile
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.between_files import detect_on
from forecaster.scoring.detect import detect_all
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.detection_rows import events_of, explained_events_of
from forecaster.scoring.events import merge
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.series import synthetic
from forecaster.series.frame import Checked, check
from forecaster.series.roles import Roles

ROWS, TRAIN, ODD = 900, 300, 700


@cache
def _frame() -> pd.DataFrame:
    """Daily waves with noise, the same but for what is odd in each."""
    random, hour = np.random.default_rng(0), np.arange(ROWS)
    wave = 10 * np.sin(hour * np.pi / 12)
    calm = wave + random.normal(0, 0.3, ROWS)
    dip, shift, noise, wild = calm.copy(), calm.copy(), calm.copy(), wave + random.standard_t(2, ROWS)
    dip[ODD + 2] -= 3.6
    shift[ODD:] += 0.7
    noise[ODD:] += np.resize([0.45, -0.45], ROWS - ODD)
    wild[ODD] = 250
    parts = {"dip": dip, "shift": shift, "noise": noise, "wild": wild}
    ds = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    return pd.concat([pd.DataFrame({"unique_id": name, "ds": ds, "y": y}) for name, y in parts.items()])


def _found(frame: pd.DataFrame) -> tuple[Checked, list[Detected]]:
    checked = check(frame, Roles())
    return checked, detect_all(checked, [np.full(checked.grids[0].series, TRAIN)], Detection(detector="auto"))


def _since(events: pd.DataFrame) -> dict[str, str]:
    """What the first event since the odd row is found by, of each series."""
    late = events[events["start"] >= _frame()["ds"].iloc[ODD]]
    return dict(late.groupby("unique_id")["found_by"].first())


def test_an_event_says_what_it_was_found_by() -> None:
    """One value off, a level and an unrest within the band, and a value far out where errors are wild; later rows change none of it."""
    frame = _frame()
    told = _since(explained_events_of(_found(frame)[1]))
    assert told["dip"] == "error of one value"
    assert told["shift"] == "level for the season"
    assert told["noise"] == "mean error of recent rows"
    assert told["wild"] == "beyond all values before"
    early = frame[frame["ds"] < frame["ds"].iloc[ODD + 40]]
    assert _since(explained_events_of(_found(early)[1])) == told


def test_a_stream_says_the_same(tmp_path: Path) -> None:
    """Also of events that were open when the saved file ended, and by a state that is stored and read in between."""
    frame, roles, until = _frame(), Roles(), _frame()["ds"].iloc[TRAIN - 1]
    first = explained_events_of(_found(frame)[1])
    opened = first[(first["end"] > first["start"]) & (first["start"] > until)].iloc[0]
    head, later = frame[frame["ds"] <= opened["start"]], frame[frame["ds"] > opened["start"]]
    api.detect(head, train_until=until, save=tmp_path)
    saved = SavedDetector.load(tmp_path)
    whole = explained_events_of(saved.detect(check(frame, roles))[1]).set_index("event_id")["found_by"]
    assert whole.ne("").all()
    beyond = explained_events_of(detect_on(saved, tmp_path, check(later, roles))[1]).set_index("event_id")["found_by"]
    assert opened["event_id"] in beyond.index
    assert beyond.to_dict() == whole[beyond.index].to_dict()
    stream, answered = Stream.open(saved, None, tmp_path), {}
    for _, rows in later.groupby(later["ds"].rank(method="dense") // 60):
        answers = stream.answers(rows)
        answered |= dict(zip(answers.event_id, answers.found_by, strict=True))
        stream.save(tmp_path / "state")
        stream = Stream.open(saved, tmp_path / "state")
    answered.pop(None)
    assert answered == beyond.to_dict()


@pytest.mark.parametrize("channels", [("a", "b"), ("a", "on", "still")])
def test_channels_together_say_what_they_were_found_by(tmp_path: Path, channels: tuple[str, ...]) -> None:
    """All of them, or one that was constant where only one counts; in a stream as in a table."""
    base = synthetic.seasonal(1, 420, seed=1, noise=0.2)
    random, roles = np.random.default_rng(4), Roles.of(list(channels))
    a = base["y"].to_numpy()
    frame = base[["unique_id", "ds"]].assign(
        a=a, b=2 * a + 0.3 * random.standard_normal(420), on=(random.random(420) < 0.1) * 1.0, still=5.0
    )
    frame.loc[230:240, "a"] += 60.0
    frame.loc[330:, "still"] = 7.0
    api.detect(frame.head(170), channels=list(channels), train_until=frame["ds"].iloc[149], save=tmp_path)
    saved = SavedDetector.load(tmp_path)
    whole = explained_events_of(saved.detect(check(frame, roles))[1])
    found = whole.loc[whole["channel"] == "*", "found_by"].tolist()
    assert ("channels together" if "b" in channels else "move of a constant channel") in found
    beyond = explained_events_of(detect_on(saved, tmp_path, check(frame.iloc[170:], roles))[1])
    told = whole.set_index("event_id")["found_by"]
    assert beyond.set_index("event_id")["found_by"].to_dict() == told[beyond["event_id"]].to_dict()


def test_an_alarm_whose_views_were_all_called_false_stops_nothing() -> None:
    """It goes on with its event where `hysteresis` is wide; the event keeps what its first row showed."""
    p_VT, alarm_T = np.array([[1e-9, np.nan], [1e-3, np.nan]]), np.array([True, True])
    alarms = Alarms.of(
        np.array([1e-9, 0.5]), np.array([1e-9, 1.0]), p_VT, alarm_T, np.array([True, False]), 0.001, 0.001
    )
    events, _ = merge(alarms, np.ones(2), 5, None, ("first", "second"))
    assert [event.found_by for event in events] == ["first"]


def test_names_of_views_are_in_the_order_of_the_views() -> None:
    """Those of several detectors are grouped by kind, as the views are."""
    auto = Auto(Auto.Config(members="profile,seen_range,ridge"))
    assert auto.view_names == (
        "mean error of recent rows",
        "mean error of recent rows, some steps ahead",
        "error of one value",
        "level for the season",
        "beyond all values before",
    )
    assert auto.kinds == (1, 1, 1)
    assert Auto(Auto.Config(members="profile")).view_names == Profile.view_names


def test_a_silence_is_found_by_its_missing_values() -> None:
    """And files of events have the columns that they always had."""
    frame = synthetic.seasonal(1, 300)
    frame.loc[250:280, "y"] = np.nan
    checked = check(frame, Roles())
    how = Detection.of({"rules.silent_after": "6h"}, detector="ewma", false_alarms="1/1000-rows")
    found = detect_all(checked, [np.array([150])], how)
    silent = explained_events_of(found)
    assert silent.loc[silent["direction"] == "silent", "found_by"].tolist() == ["no values"]
    assert [*events_of(found).columns, "found_by"] == [*silent.columns]
