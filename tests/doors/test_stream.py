"""The command `stream`: JSON lines in, an answer for each out, and a state that survives a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.actions.forecast import forecast
from forecaster.actions.stream import stream
from forecaster.columns import QUANTILES
from forecaster.errors import ArtifactError, ConfigError
from forecaster.scoring.saved_detector import STATE
from forecaster.scoring.stream_lines import Answering
from forecaster.series import synthetic
from tests.quick import quick

pytestmark = pytest.mark.slow


def _frame() -> pd.DataFrame:
    frame = synthetic.seasonal(2, 200, seed=7)
    frame.loc[[170, 390], "y"] += 40
    return frame.sort_values(["ds", "unique_id"], kind="stable").reset_index(drop=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector that was taught by a CSV file, as most are."""
    place = tmp_path_factory.mktemp("taught")
    _frame().head(300).to_csv(place / "in.csv", index=False)
    detect(place / "in.csv", out=place / "out.csv", detector="ewma", save=place / "detector")
    return place


def _lines(frame: pd.DataFrame) -> list[str]:
    return [
        json.dumps({"unique_id": name, "ds": str(ds), "y": y})
        for name, ds, y in zip(frame["unique_id"], frame["ds"], frame["y"], strict=True)
    ]


def _started(*words: str | Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "forecaster", "stream", *map(str, words)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env={**os.environ})


def _answers(lines: list[str], *words: str | Path) -> list[dict[str, Any]]:
    running = _started(*words)
    out, err = running.communicate("".join(f"{line}\n" for line in lines))
    assert running.returncode == 0, err
    return [json.loads(line) for line in out.splitlines()]


def test_every_line_has_its_answer(folder: Path, tmp_path: Path) -> None:
    """Detect's columns as `detect --load` has them, the next step's quantiles, and what is wrong with a line."""
    wrong = ['{"unique_id": "s0", "ds"', '{"unique_id": "s0", "y": 1}', '{"unique_id": "s0", "ds": 5, "y": 1}', "[1]"]
    wrong += ['{"unique_id": "s0", "ds": "soon", "y": 1}', '{"unique_id": "s0", "ds": "2024-01-01", "y": "high"}']
    good = _lines(_frame())
    lines = [*good[:5], *wrong, "", *good[5:], good[50]]
    found = _answers(lines, "--load", folder / "detector", "--state", tmp_path / "state")
    assert [(one["line"], "error" in one) for one in found[5:11]] == [(n, True) for n in range(6, 12)]
    late = found.pop()
    assert late["reason"].startswith("late: not after 2024-01-09T07:00:00")
    assert late["p_value"] is None
    rows = pd.DataFrame([*found[:5], *found[11:]])
    detected = ["expected", "lower", "upper", "score", "p_value", "is_anomaly", "event_id", "is_train"]
    assert list(rows.columns) == ["unique_id", "ds", "y", *detected, "next_ds", "mean", *QUANTILES, "reason"]
    _frame().to_csv(tmp_path / "all.csv", index=False)
    detect(tmp_path / "all.csv", out=tmp_path / "out.csv", load=folder / "detector")
    expected = pd.read_csv(tmp_path / "out.csv")
    for name in ("expected", "lower", "upper", "score", "p_value"):
        np.testing.assert_allclose(rows[name].astype(float), expected[name], rtol=1e-5, err_msg=name)
    assert rows["event_id"].fillna("").tolist() == expected["event_id"].fillna("").tolist()
    assert rows["is_anomaly"].tolist() == expected["is_anomaly"].tolist()
    assert rows["is_train"].tolist() == expected["is_train"].tolist()
    assert expected["is_anomaly"].any()


def test_lines_that_the_file_has_are_late(folder: Path, tmp_path: Path) -> None:
    """They are counted so, and a series that they came of goes on as if they had not come."""
    detector, frame = folder / "detector", _frame()
    said: dict[int, list[str]] = {}
    for begin in (290, 300):
        lines = [line.encode() for line in _lines(frame.iloc[begin:])]
        answering = Answering(api.stream(detector), said.setdefault(begin, []).append, tmp_path / str(begin), 60)
        answering.all([lines])
        assert answering.late == 300 - begin
    early, later = ("".join(said[begin]).splitlines() for begin in (290, 300))
    assert early[10:] == later
    assert all(json.loads(line)["reason"].startswith("late: not after 2024-01-07T05:00:00") for line in early[:10])


def test_a_lone_line_is_answered_at_once_and_a_kill_loses_nothing(folder: Path, tmp_path: Path) -> None:
    """Rows after the last snapshot are taken again and have the same answers; those before are late."""
    lines = _lines(_frame())
    whole = _answers(lines, "--load", folder / "detector", "--state", tmp_path / "whole")
    running = _started("--load", folder / "detector", "--state", tmp_path / "state", "--snapshot-seconds", "0")
    assert running.stdin is not None
    assert running.stdout is not None
    first = []
    for line in lines[:7]:
        running.stdin.write(f"{line}\n")
        running.stdin.flush()
        first.append(json.loads(running.stdout.readline()))
    running.stdin.write(lines[7] + "\n" + lines[8][:10])
    running.stdin.flush()
    running.send_signal(signal.SIGKILL)
    running.communicate()
    again = _answers(lines, "--load", folder / "detector", "--state", tmp_path / "state")
    late = [str(one["reason"]).startswith("late") for one in again]
    assert late == [True] * sum(late) + [False] * (len(lines) - sum(late))
    assert 6 <= sum(late) <= 8
    assert first == whole[:7]
    assert again[sum(late) :] == whole[sum(late) :]


def test_a_stream_that_is_killed_early_has_kept_its_first_lines(folder: Path, tmp_path: Path) -> None:
    """Long before the first half minute is over: what is sent from the beginning again is late where it was kept."""
    lines, words = _lines(_frame()), ("--load", folder / "detector", "--state", tmp_path / "state")
    running = _started(*words)
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(lines[0] + "\n")
    running.stdin.flush()
    running.stdout.readline()
    until = time.monotonic() + 20
    while not (tmp_path / "state" / STATE).exists() and time.monotonic() < until:
        time.sleep(0.05)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    again = _answers(lines[:2], *words)
    assert [str(one["reason"]).startswith("late") for one in again] == [True, False]


def test_a_stream_holds_false_discoveries(folder: Path, tmp_path: Path) -> None:
    """`--set fdr=` asks for a share; what is told is among what is told without, and a share that is none is refused."""
    lines, words = _lines(_frame()), ("--load", folder / "detector", "--false-alarms", "1/20-rows", "--state")
    every = _answers(lines, *words, tmp_path / "every")
    some = _answers(lines[:250], *words, tmp_path / "some", "--set", "fdr=0.05")
    some += _answers(lines[250:], *words, tmp_path / "some", "--set", "fdr=0.05")
    told, all_ = ({one["event_id"] for one in answers} - {None} for answers in (some, every))
    assert told < all_
    assert [one["p_value"] for one in some] == [one["p_value"] for one in every]
    with pytest.raises(ConfigError, match="0 <= fdr < 1"):
        stream(load=folder / "detector", state=tmp_path / "wrong", set_={"fdr": "2"})


def test_a_signal_to_end_keeps_the_state(folder: Path, tmp_path: Path) -> None:
    """SIGTERM is no loss."""
    running = _started("--load", folder / "detector", "--state", tmp_path)
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdin.write(_lines(_frame())[0] + "\n")
    running.stdin.flush()
    running.stdout.readline()
    running.send_signal(signal.SIGTERM)
    running.communicate()
    assert running.returncode == 0
    assert (tmp_path / STATE).exists()


@pytest.fixture(scope="module")
def forecaster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one that was trained, which knows nothing of the text of times."""
    place = tmp_path_factory.mktemp("trained")
    _frame().to_parquet(place / "in.parquet")
    asked: dict[str, Any] = {"horizon": 6, "model": "lstm", "out": place / "f.csv", "set_": quick()}
    forecast(place / "in.parquet", save=place / "forecaster", **asked)
    return place / "forecaster"


def test_a_forecaster_is_a_detector_of_its_own_errors(forecaster: Path) -> None:
    """Its forecasts are what a stream expects, and detection with it is the same."""
    frame = _frame()
    rows = api.stream(forecaster).feed(frame)
    model = api.load(forecaster)
    expected = api.predict(model, frame)
    for name in ("s0", "s1"):
        last = rows[rows["unique_id"] == name].iloc[-1]
        first = expected[expected["unique_id"] == name].iloc[0]
        assert last["next_ds"] == first["ds"]
        np.testing.assert_allclose(last[list(QUANTILES)].astype(float), first[list(QUANTILES)].astype(float), rtol=1e-4)
    batch, _ = api.detect(frame, load=forecaster)
    # Two distances that differ by float32's rounding alone may change ranks: by one of at least two hundred, seldom.
    np.testing.assert_allclose(rows["p_value"], batch["p_value"], atol=1 / 200)
    assert np.isclose(rows["p_value"], batch["p_value"], rtol=1e-5, equal_nan=True).mean() > 0.99
    assert (batch["p_value"].iloc[100:] < 0.1).any()  # the first thirty rows of a series know nothing yet


def test_a_forecaster_says_the_same_of_rows_that_come_one_by_one(forecaster: Path) -> None:
    """From the first row of the first series, of which nothing is known yet."""
    frame = _frame().head(120)
    one_by_one = api.stream(forecaster)
    rows = pd.concat([one_by_one.feed(frame.iloc[[row]]) for row in range(len(frame))])
    expected = api.stream(forecaster).feed(frame)
    np.testing.assert_allclose(rows["p_value"], expected["p_value"], rtol=1e-5)
    np.testing.assert_allclose(rows["expected"], expected["expected"], rtol=1e-5)


@pytest.mark.parametrize("wrong", [5, "no time"])
def test_a_line_with_a_wrong_time_spoils_no_other(forecaster: Path, tmp_path: Path, wrong: Any) -> None:
    """Before anything is known of the text of times, too: the first that can be read says how they are written."""
    said: list[str] = []
    lines = [json.dumps({"unique_id": "s0", "ds": ds, "y": 1.0}).encode() for ds in (wrong, "2024-01-01 05:00")]
    for batch in (lines[:1], lines, lines[::-1]):
        Answering(api.stream(forecaster), said.append, tmp_path / "state", 60).all([batch, []])
    answers = [json.loads(line) for line in "".join(said).splitlines()]
    assert ["error" in answer for answer in answers] == [True, True, False, False, True]
    assert {answer["next_ds"] for answer in answers if "error" not in answer} == {"2024-01-01T06:00:00"}


def test_a_line_that_no_answer_could_repeat_stops_no_stream(folder: Path, tmp_path: Path) -> None:
    """Nested too deep, half a character in the name or the time: refused as any other; a stream that ended there would meet
    the same line again after each restart."""
    good = _lines(_frame())[:4]
    half = (
        r'{"unique_id": "s\ud800", "ds": "2024-01-01T00:00:00", "y": 1}',
        r'{"unique_id": "s0", "ds": "\ud800", "y": 1}',
    )
    lines = [*good[:2], "[" * 100_000, *half, *good[2:]]
    found = _answers(lines, "--load", folder / "detector", "--state", tmp_path / "state")
    assert ["error" in one for one in found] == [False, False, True, True, True, False, False]


def test_what_a_saved_detector_has_is_not_asked_for_again(folder: Path, tmp_path: Path) -> None:
    """And what cannot be loaded says what would do."""
    asked: dict[str, Any] = {"out": tmp_path / "out.csv", "load": folder / "detector"}
    with pytest.raises(ConfigError, match="--load and --train-until exclude each other"):
        detect(folder / "in.csv", train_until="2024-01-02", **asked)
    with pytest.raises(ArtifactError, match="holds no readable detector"):
        detect(folder / "in.csv", out=tmp_path / "out.csv", load=tmp_path)
    assert not (tmp_path / "out.csv").exists()
