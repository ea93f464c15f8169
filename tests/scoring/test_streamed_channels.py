"""A stream of channels says of each row what detection says of every channel and of the whole."""

import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.columns import QUANTILES
from forecaster.errors import ArtifactError, DataError
from forecaster.scoring.saved_detector import STATE
from forecaster.scoring.stream_lines import Answering
from forecaster.series import synthetic
from tests.quick import quick

NUMBERS = ["expected", "lower", "upper", "score", "p_value"]
NAMES = ["channel", "is_anomaly", "event_id", "is_train"]
CHANNELS = ["a", "b", "still", "on"]
ROWS, TRAIN = 420, 150


@cache
def _frame() -> pd.DataFrame:
    """Two machines, interleaved."""
    return _machines("m0", "m1").reset_index(drop=True)


def _machines(*names: str, seed: int = 0) -> pd.DataFrame:
    """Machines of four channels: two that move together, one that never moves, and a command."""
    random = np.random.default_rng(4 + seed)
    parts = []
    for number, name in enumerate(names, seed):
        base = synthetic.seasonal(1, ROWS, seed=number, noise=0.2)
        a = base["y"].to_numpy()
        part = base[["ds"]].assign(
            unique_id=name,
            a=a,
            b=2 * a + 0.3 * random.standard_normal(ROWS),
            still=5.0,
            on=(random.random(ROWS) < 0.1) * 1.0,
        )
        part.loc[230:240, "b"] += 25.0
        part.loc[300:, "still"] = 7.0
        part.loc[[260, 261], "a"] = np.nan
        part.loc[270, CHANNELS] = np.nan
        part.loc[350, "a"] += 60.0
        parts.append(part.drop(index=[280, 281, 282]))
    frame = pd.concat(parts).sort_values(["ds", "unique_id"], kind="stable")
    return frame[["unique_id", "ds", *CHANNELS]]


@cache
def _until() -> pd.Timestamp:
    return _frame()["ds"].drop_duplicates().iloc[TRAIN - 1]


@pytest.fixture(scope="module", params=["auto", "residual", "one counts"])
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A folder of a detector that knows only the rows up to and with its training, and twenty hours; and its channels."""
    folder = tmp_path_factory.mktemp("kept")
    detector = "residual" if request.param == "residual" else "auto"
    channels = ["a", "on", "still"] if request.param == "one counts" else CHANNELS
    head = _frame()[_frame()["ds"] <= _until() + pd.Timedelta(hours=20)]
    settings = quick() if detector == "residual" else {}
    asked = {"detector": detector, "settings": settings, "false_alarms": "1/200-rows"}
    api.detect(head, channels=channels, train_until=_until(), save=folder, **asked)
    return folder, channels


def _same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    np.testing.assert_allclose(found[NUMBERS].astype(float), expected[NUMBERS].astype(float), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found["y"], expected["y"])
    for name in ("unique_id", "ds", *NAMES):
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist(), name


def _later() -> "pd.Series[bool]":
    return _frame()["ds"] > _until() + pd.Timedelta(hours=20)


def test_a_stream_of_channels_is_the_detection(taught: tuple[Path, list[str]], tmp_path: Path) -> None:
    """From the first row on, in portions of any size, its state stored and read in the middle of some."""
    folder, channels = taught
    expected, events = api.detect(_frame(), load=folder)
    assert events.groupby("channel").size().reindex(["a", "*"]).min() >= 2
    stream, begin, parts = api.stream(folder), 0, []
    for size in [1, 1, 7, 300, 1, 2, 90, 1, 5000]:
        parts.append(stream.feed(_frame().iloc[begin : begin + size]))
        begin += size
        stream.save(tmp_path)
        stream = api.stream(folder, tmp_path)
    assert parts[0]["channel"].tolist() == [*channels, "*"]
    _same(pd.concat(parts), expected)


def test_it_goes_on_where_the_saved_file_ended(taught: tuple[Path, list[str]]) -> None:
    """Rows after it, without those before, as a detection says that reads all of them; and so does one of these rows."""
    folder, channels = taught
    expected, events = api.detect(_frame(), load=folder)
    rows = np.repeat(_later().to_numpy(), len(channels) + 1)
    _same(api.stream(folder).feed(_frame()[_later()]), expected[rows])
    found, later = api.detect(_frame()[_later()], load=folder)
    _same(found, expected[rows])
    same = events[events["end"] > _until() + pd.Timedelta(hours=20)]
    assert later["event_id"].tolist() == same["event_id"].tolist()
    assert later["channels"].tolist() == same["channels"].tolist()


def test_a_new_name_learns_from_its_own_first_rows(taught: tuple[Path, list[str]], tmp_path: Path) -> None:
    """Of these nothing is said of the whole; then what a detection says, also when the state is stored in the middle."""
    folder, _ = taught
    new = _machines("new", seed=7)
    expected, _ = api.detect(new, load=folder)
    stream, parts = api.stream(folder), []
    for begin in range(0, len(new), 43):
        parts.append(stream.feed(new.iloc[begin : begin + 43]))
        stream.save(tmp_path)
        stream = api.stream(folder, tmp_path)
    _same(pd.concat(parts), expected)
    whole = expected[expected["channel"] == "*"].reset_index(drop=True)
    assert whole["p_value"][:60].isna().all()
    assert whole["p_value"][100:250].notna().all()
    assert whole["is_anomaly"].any()


def test_lines_have_channels_as_fields(taught: tuple[Path, list[str]], tmp_path: Path) -> None:
    """An answer for each channel and for the whole; a line without a channel is refused by its name."""
    folder, channels = taught
    said = io.StringIO()
    rows = _frame()[_later()].head(4)
    lines = [
        json.dumps({**row, "ds": row["ds"].isoformat()}).encode().replace(b"NaN", b"null")
        for row in rows[["unique_id", "ds", *channels]].to_dict("records")
    ]
    answering = Answering(api.stream(folder), lambda text: said.write(text) and None, tmp_path / "state", 1e9)
    answering.all([lines[:3], [b'{"unique_id": "m0", "ds": "2024-01-20T00:00", "a": 1}'], lines[3:]])
    found = [json.loads(line) for line in said.getvalue().splitlines()]
    refused = found.pop(3 * (len(channels) + 1))
    assert refused == {"line": 4, "error": f"no '{channels[1]}'"}
    assert (answering.lines, answering.refused) == (5, 1)
    assert [one["channel"] for one in found] == [*channels, "*"] * 4
    expected = api.stream(folder).feed(rows)
    np.testing.assert_allclose([one["p_value"] for one in found], expected["p_value"])
    assert found[0]["y"] == rows[channels[0]].iloc[0]
    assert found[len(channels)]["y"] is None
    assert found[0][QUANTILES[0]] is not None
    assert found[len(channels)][QUANTILES[0]] is None


def test_what_is_not_streamed_of_channels_is_said(tmp_path: Path) -> None:
    """A table without a channel; what missing values of channels mean."""
    rows = _frame().head(2 * TRAIN)
    api.detect(rows, channels=["a", "b"], detector="ewma", save=tmp_path)
    with pytest.raises(DataError, match="no column 'b'"):
        api.stream(tmp_path).feed(rows.drop(columns="b"))
    for rule, value in (("rules.silent_after", "6h"), ("rules.gaps", "hold")):
        folder = tmp_path / value
        api.detect(rows, channels=["a", "b"], detector="ewma", settings={rule: value}, save=folder)
        with pytest.raises(ArtifactError, match=rf"channels and rules of missing values .*{rule}.* cannot be streamed"):
            api.stream(folder)


def test_a_new_machine_is_judged_by_those_of_its_step(tmp_path: Path) -> None:
    """Its first row does not tell its step: it is not judged, and counts for those after it, of every channel and the whole."""
    hourly = _frame()
    daily = _machines("d0", seed=5)
    daily["ds"] = hourly["ds"].min() + (daily["ds"] - daily["ds"].min()) * 24
    taught = pd.concat([hourly, daily], ignore_index=True)
    api.detect(taught, channels=CHANNELS, detector="ewma", save=tmp_path)
    (tmp_path / STATE).unlink()
    new = daily.head(60).assign(unique_id="new")
    expected, rows = api.detect(new, load=tmp_path)[0], api.stream(tmp_path).feed(new)
    waits = rows["reason"].fillna("").str.startswith("not judged").to_numpy()
    assert (rows.loc[waits, "ds"] == new["ds"].iloc[0]).all()
    assert waits.sum() == len(CHANNELS) + 1
    by = ["ds", "channel"]
    found, said = rows[~waits].sort_values(by), expected[(expected["ds"] > new["ds"].iloc[0])].sort_values(by)
    np.testing.assert_allclose(found[NUMBERS].astype(float), said[NUMBERS].astype(float), rtol=1e-5, atol=1e-5)
    assert found["is_anomaly"].tolist() == said["is_anomaly"].tolist()
    assert found["p_value"].notna().any()


def test_names_that_restart_take_no_more_memory(tmp_path: Path) -> None:
    """Their wholes take the places that they had, and what is said is what a stream says that begins with these rows."""
    head = _frame().head(2 * TRAIN)
    api.detect(head, channels=["a", "b"], detector="ewma", save=tmp_path)
    stream: Any = api.stream(tmp_path)
    alarms = stream._members.followed[0].assessor._wholes._alarms
    before = {alone: len(places) for alone, places in alarms.items()}
    (tmp_path / STATE).unlink()
    anew = api.stream(tmp_path)
    for begin in range(0, len(head), 100):
        rows = head.iloc[begin : begin + 100]
        pd.testing.assert_frame_equal(stream.feed(rows), anew.feed(rows))
    assert {alone: len(places) for alone, places in alarms.items()} == before == {False: 2}
