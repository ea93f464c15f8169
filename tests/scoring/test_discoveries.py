"""Of the events that a stream tells, the share asked for may be false; what is left to spend outlives the process."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.scoring.discoveries import Discoveries
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.wealth import Wealth
from forecaster.series import synthetic

ROWS, HEAD, SERIES = 500, 120, 30


def test_false_discoveries_of_a_stream_are_as_rare_as_asked() -> None:
    """A tenth of a thousand events is false on average, in 200 repetitions; most of what is there is found."""
    shares, powers = [], []
    for seed in range(200):
        random, known = np.random.default_rng(seed), Discoveries(0.1)
        real = random.uniform(size=1000) < 0.2
        p = np.where(real, random.uniform(size=1000) * 1e-4, random.uniform(size=1000))
        found = np.array([known.decide(f"s{k % 7}@{k}", one, whole=False) for k, one in enumerate(p)])
        shares.append((found & ~real).sum() / max(found.sum(), 1))
        powers.append((found & real).sum() / real.sum())
    assert 0.06 < np.mean(shares) < 0.11
    assert np.mean(powers) > 0.9


def test_an_event_is_decided_once_and_its_state_outlives_a_restart(random: np.random.Generator) -> None:
    """Its later rows are no tests; wholes have a wealth of their own; read from plain data, all goes on as before."""
    p = random.uniform(size=300) ** 4
    events = [(f"s{k % 3}@{k // 3 // 4}", k % 3 == 0) for k in range(300)]
    alone, stored, found, again = Discoveries(0.2), Discoveries(0.2), [], []
    for (event, whole), one in zip(events, p, strict=True):
        found.append(alone.decide(event, one, whole=whole))
        stored = Discoveries.from_json(0.2, stored.to_json())
        again.append(stored.decide(event, one, whole=whole))
        assert stored.is_reported(event) == found[-1]
    assert found == again
    by_event = pd.Series(found).groupby([event for event, _ in events]).nunique()
    assert (by_event == 1).all()
    assert 0 < np.mean(found) < 1
    assert alone.decide("s9@1", np.nan, whole=False), "a silence is no matter of chance"


def test_what_is_remembered_does_not_grow() -> None:
    """Old discoveries are forgotten, and less is spent for it."""
    wealth = Wealth(0.1)
    assert all(wealth.discovers(1e-12) for _ in range(2500))
    assert len(wealth.found) <= 1002
    assert wealth.found[0] == 0


def _frame() -> pd.DataFrame:
    """Thirty series of noise, an error of twelve spreads in every third, and in some of them a second."""
    frame = synthetic.seasonal(SERIES, ROWS, seed=2, noise=0.3)
    row, series = frame.groupby("unique_id").cumcount(), frame["unique_id"].str[1:].astype(int)
    frame["label"] = (((row == 400) & (series % 3 == 0)) | ((row == 300) & (series % 6 == 0))).astype(int)
    frame["y"] += 12.0 * frame["label"]
    return frame.sort_values(["ds", "unique_id"], key=lambda c: series[c.index] if c.name == "unique_id" else c)


def _words(fdr: str) -> dict[str, object]:
    return {"detector": "ewma", "false_alarms": "1/100-rows", "settings": {"fdr": fdr}}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a detector that was taught by the first rows of each series."""
    folder = tmp_path_factory.mktemp("kept")
    frame = _frame()
    head = frame[frame["ds"] < frame["ds"].min() + pd.Timedelta(hours=HEAD)]
    words = _words("0.1")
    api.detect(head, train_until=head["ds"].unique()[74], save=folder, **words)
    return folder


def _later() -> pd.DataFrame:
    frame = _frame()
    return frame[frame["ds"] >= frame["ds"].min() + pd.Timedelta(hours=HEAD)]


def test_a_stream_tells_the_events_that_detection_tells(kept: Path) -> None:
    """Of the same rows in the order of time; of many events at the rate, those that are discoveries."""
    frame, later = _frame(), _later()
    whole, _ = api.detect(frame, train_until=frame["ds"].unique()[74], **_words("0.1"))
    every = api.stream(kept).feed(later)
    expected = whole.merge(later[["unique_id", "ds"]], on=["unique_id", "ds"])
    found = every.merge(expected, on=["unique_id", "ds"], suffixes=("", "_expected"))
    np.testing.assert_array_equal(found["is_anomaly"], found["is_anomaly_expected"])
    assert set(every["event_id"].dropna()) == set(expected["event_id"].dropna())
    assert (every["event_id"].notna() == every["is_anomaly"]).all()


def test_the_share_is_held_and_can_be_asked_for_anew(kept: Path) -> None:
    """By the saved share, by none, and by a smaller one: told events, and of them what was planted."""
    later, told = _later(), {}
    for fdr in (None, 0.0, 0.01):
        rows = Stream.open(SavedDetector.load(kept).asking(None, None, fdr), None, kept).feed(later)
        hits = rows.loc[rows["is_anomaly"] & (later["label"].to_numpy() == 1), "event_id"].nunique()
        told[fdr] = (rows["event_id"].nunique(), hits)
    assert told[0.0][1] / told[0.0][0] < 0.5
    assert told[None][1] >= 8
    assert told[None][1] / told[None][0] > 0.7
    assert told[0.01][0] <= told[None][0]


@pytest.mark.parametrize("at", [50, 3_000, 8_437])
def test_the_wealth_survives_a_restart(kept: Path, tmp_path: Path, at: int) -> None:
    """Wherever the rows are parted, also within a step and within an event."""
    later = _later()
    whole = api.stream(kept).feed(later)
    stream = api.stream(kept)
    parts = [stream.feed(later[:at])]
    stream.save(tmp_path)
    again = api.stream(kept, tmp_path)
    assert again.open_events() == stream.open_events()
    parts.append(again.feed(later[at:]))
    found = pd.concat(parts)
    assert found["event_id"].fillna("").tolist() == whole["event_id"].fillna("").tolist()


def test_detection_goes_on_where_the_file_ended(kept: Path) -> None:
    """What the events of the file left to spend counts for those of the next one."""
    later = _later()
    rows, events = api.detect(later, load=kept)
    streamed = api.stream(kept).feed(later)
    assert set(rows["event_id"].dropna()) == set(streamed["event_id"].dropna()) == set(events["event_id"])


def test_channels_and_their_whole_are_tested_apart(tmp_path: Path) -> None:
    """A stream of channels tells what detection tells."""
    random = np.random.default_rng(3)
    frame = synthetic.seasonal(1, 700, noise=0.1)
    noise = random.standard_normal((700, 4))
    noise[600:603] += 9
    frame = frame[["unique_id", "ds"]].assign(**{name: noise[:, k] for k, name in enumerate("abcd")})
    words = {"channels": list("abcd"), "train_until": frame["ds"][299], **_words("0.1")}
    whole, _ = api.detect(frame, **words)
    api.detect(frame[:320], **words, save=tmp_path / "kept")
    found = api.stream(tmp_path / "kept").feed(frame[320:])
    expected = whole[whole["ds"] >= frame["ds"][320]].sort_values(["ds", "channel"])
    found = found.sort_values(["ds", "channel"])
    assert found["event_id"].fillna("").tolist() == expected["event_id"].fillna("").tolist()
    assert found.loc[found["ds"] == frame["ds"][600], "is_anomaly"].any()
