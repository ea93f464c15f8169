"""A stream says of each row what detection says that reads the series from its first row."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.columns import LEVELS, QUANTILES
from forecaster.errors import ArtifactError, DataError
from forecaster.scoring.answers import Answers
from forecaster.scoring.places import Places
from forecaster.scoring.saved_detector import STATE, SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.series import synthetic
from forecaster.series.clock import Clock
from forecaster.series.frequency import parse
from tests.quick import quick

NUMBERS = ["expected", "lower", "upper", "score", "p_value"]
NAMES = ["is_anomaly", "event_id", "is_train"]
TRAIN = 150


@cache
def _frame() -> pd.DataFrame:
    """Three hourly series, interleaved by time, with missing values, a gap, gross errors, and one that begins late."""
    frame = synthetic.seasonal(3, 500, seed=6, noise=0.2)
    frame.loc[[200, 201, 202, 777], "y"] = np.nan
    frame.loc[[260, 261, 263, 900, 1210], "y"] += 30
    frame = frame.drop(frame.index[[300, 301, 302, *range(1000, 1180)]])
    return frame.sort_values(["ds", "unique_id"], kind="stable").reset_index(drop=True)


@cache
def _until() -> pd.Timestamp:
    return _frame()["ds"].drop_duplicates().iloc[TRAIN - 1]


@pytest.fixture(scope="module", params=["residual", "ewma", "auto", "aer"])
def taught(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    """A folder of a detector that knows only the rows up to and with its training, and what it says of all rows."""
    folder = tmp_path_factory.mktemp(request.param)
    settings = {"residual": quick(), "aer": {"steps": 12, "window": 12}}.get(request.param, {})
    head = _frame()[_frame()["ds"] <= _until() + pd.Timedelta(hours=20)]
    asked = {"detector": request.param, "settings": settings, "false_alarms": "1/200-rows"}
    api.detect(head, train_until=_until(), save=folder, **asked)
    return folder, api.detect(_frame(), load=folder)[0]


def _same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    np.testing.assert_allclose(found[NUMBERS].astype(float), expected[NUMBERS].astype(float), rtol=1e-5, atol=1e-5)
    for name in NAMES:
        assert found[name].fillna("").tolist() == expected[name].fillna("").tolist(), name


def test_a_stream_is_the_detection(taught: tuple[Path, pd.DataFrame]) -> None:
    """From the first row on, in portions of any size, some of them of one row."""
    folder, expected = taught
    assert expected["is_anomaly"].sum() > 3
    assert expected["event_id"].nunique() > 2
    stream, begin, parts = api.stream(folder), 0, []
    for size in [1, 1, 1, 7, 300, 1, 2, 90, 1, 500, 5000]:
        parts.append(stream.feed(_frame().iloc[begin : begin + size]))
        begin += size
    _same(pd.concat(parts), expected)


def test_a_stream_goes_on_where_the_saved_file_ended(taught: tuple[Path, pd.DataFrame]) -> None:
    """Rows after it, without those before; and so does a detection."""
    folder, expected = taught
    later = _frame()["ds"] > _until() + pd.Timedelta(hours=20)
    _same(api.stream(folder).feed(_frame()[later]), expected[later])
    _same(api.detect(_frame()[later], load=folder)[0], expected[later])


@pytest.mark.parametrize("begin", [1, 60, TRAIN + 19])
def test_rows_that_the_saved_file_has_are_late(taught: tuple[Path, pd.DataFrame], tmp_path: Path, begin: int) -> None:
    """However many come first, also on their own before the state is stored; series go on with their next row."""
    folder, expected = taught
    own = (_frame()["unique_id"] == "s0").to_numpy()
    one, expected, known = _frame()[own], expected[own], TRAIN + 20
    stream = api.stream(folder)
    late = stream.feed(one.iloc[begin : begin + 1])
    stream.save(tmp_path)
    stream = api.stream(folder, tmp_path)
    found = pd.concat([late, stream.feed(one.iloc[begin + 1 :])])
    is_late = (one["ds"].iloc[begin:] <= _until() + pd.Timedelta(hours=20)).to_numpy()
    said = f"late: not after {one['ds'].iloc[known - 1]:%Y-%m-%dT%H}"
    assert found["reason"].str.startswith(said).tolist() == is_late.tolist()
    _same(found[~is_late], expected.iloc[begin:][~is_late])


@pytest.mark.parametrize("hours", [1, 30, 24 * 365 * 60])
def test_a_row_from_before_the_saved_file_is_late(taught: tuple[Path, pd.DataFrame], hours: int) -> None:
    """As of a clock that was reset: it begins nothing, and series go on with their next row."""
    folder, expected = taught
    own = (_frame()["unique_id"] == "s0").to_numpy()
    one, expected, known = _frame()[own], expected[own], TRAIN + 20
    stray = one.head(1).assign(ds=one["ds"].iloc[0] - pd.Timedelta(hours=hours))
    found = api.stream(folder).feed(pd.concat([stray, one.iloc[known:]]))
    assert found["reason"].iloc[0].startswith(f"late: not after {one['ds'].iloc[known - 1]:%Y-%m-%dT%H}")
    _same(found.iloc[1:], expected.iloc[known:])


def test_month_starts_and_month_ends_are_judged_by_what_each_was_taught(tmp_path: Path) -> None:
    """Both are steps of a month, each with normal rows of its own, in detection and in a stream."""
    starts = synthetic.seasonal(2, 100, step="MS", season=12, seed=1)
    ends = synthetic.seasonal(2, 100, step="ME", season=12, seed=2).replace({"unique_id": {"s0": "e0", "s1": "e1"}})
    frame = pd.concat([starts, ends]).sort_values(["ds", "unique_id"], ignore_index=True)
    asked = {"train_until": frame["ds"].iloc[240], "detector": "ewma", "false_alarms": "1/50-rows"}
    taught, _ = api.detect(frame, save=tmp_path, **asked)
    (tmp_path / STATE).unlink()
    _same(api.detect(frame, load=tmp_path)[0], taught)
    streamed = api.stream(tmp_path).feed(frame)
    _same(streamed.sort_values(["unique_id", "ds"]), taught.sort_values(["unique_id", "ds"]))


def _two_steps(folder: Path) -> None:
    """A detector of hourly and daily series, with no place where any series stands."""
    hourly, daily = synthetic.seasonal(1, 300, seed=1), synthetic.seasonal(1, 300, step="D", season=7, seed=2)
    frame = pd.concat([hourly, daily.assign(unique_id="d0")])
    api.detect(frame, detector="ewma", false_alarms="1/50-rows", save=folder)
    (folder / STATE).unlink()


@pytest.mark.parametrize(("step", "season"), [("D", 7), ("h", 24)])
def test_a_new_series_is_judged_by_the_series_of_its_step(tmp_path: Path, step: str, season: int) -> None:
    """Its first row, which does not tell its step, is said not to be judged, and counts as one that came before the others."""
    _two_steps(tmp_path)
    new = synthetic.seasonal(1, 60, step=step, season=season, seed=9).assign(unique_id="new")
    expected, _ = api.detect(new, load=tmp_path)
    stream = api.stream(tmp_path)
    first = stream.feed(new.iloc[:1])
    assert first["reason"].str.startswith("not judged: its first rows do not tell its step yet").all()
    assert first["p_value"].isna().all()
    stream.save(tmp_path / "state")
    rows = [api.stream(tmp_path, tmp_path / "state").feed(new.iloc[1:]), stream.feed(new.iloc[1:])]
    for each in rows:
        _same(each, expected.iloc[1:])
        assert each["reason"].isna().all() or (each["reason"] == "").all()
    _same(api.stream(tmp_path).feed(new).iloc[1:], expected.iloc[1:])


def test_a_new_series_of_no_known_step_is_told(tmp_path: Path) -> None:
    """However many rows come, and one of a wrong clock among the first keeps nobody waiting."""
    _two_steps(tmp_path)
    new = synthetic.seasonal(1, 40, step="2h", season=12, seed=9).assign(unique_id="new")
    rows = api.stream(tmp_path).feed(new)
    assert rows["p_value"].isna().all()
    assert (rows["reason"].iloc[8:] == "not judged: steps of 2h; the detector was trained on h, D").all()
    daily = synthetic.seasonal(1, 40, step="D", season=7, seed=9).assign(unique_id="new")
    daily.loc[1, "ds"] = pd.Timestamp("2100-01-01")
    reasons = api.stream(tmp_path).feed(daily)["reason"].fillna("")
    assert reasons.str.startswith("not judged").tolist() == [True] * 3 + [False] * 37


def test_an_event_that_was_open_goes_on(tmp_path: Path) -> None:
    """When the saved file ends in the middle of it, later rows belong to it still."""
    frame = synthetic.seasonal(1, 300, seed=5)
    frame.loc[[248, 250, 252], "y"] += 50
    api.detect(frame.head(250), detector="ewma", save=tmp_path)
    expected, events = api.detect(frame, load=tmp_path)
    rows, later = api.detect(frame.iloc[250:], load=tmp_path)
    assert expected["event_id"].iloc[[248, 250]].nunique() == 1
    _same(rows, expected.iloc[250:])
    _same(api.stream(tmp_path).feed(frame.iloc[250:]), expected.iloc[250:])
    assert later["event_id"].tolist() == events["event_id"].tolist()


def test_a_state_that_is_stored_and_read_changes_nothing(taught: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    """Also between two values of one time, and what was said already is said to be late."""
    folder, expected = taught
    stream, parts = api.stream(folder), []
    for begin in range(0, len(_frame()), 331):
        parts.append(stream.feed(_frame().iloc[begin : begin + 331]))
        stream.save(tmp_path)
        stream = api.stream(folder, tmp_path)
    _same(pd.concat(parts), expected)
    again = stream.feed(_frame().iloc[-40:])
    assert again["reason"].str.startswith("late: not after").all()
    assert again[["p_value", "event_id", *QUANTILES]].isna().all().all()
    assert [path.name for path in tmp_path.iterdir()] == [STATE]


def test_a_new_series_is_judged_by_what_is_normal_in_the_others(taught: tuple[Path, pd.DataFrame]) -> None:
    """Its first rows that can be judged at all have p-values already; in a detection they have the same."""
    folder, _ = taught
    new = synthetic.seasonal(1, 120, seed=9).assign(unique_id="new")
    expected, _ = api.detect(new, load=folder)
    _same(api.stream(folder).feed(new), expected)
    assert (expected["p_value"].iloc[20:90] < 0.5).any()
    assert not expected["is_train"].any()


def test_the_step_after_a_row_is_forecast(taught: tuple[Path, pd.DataFrame]) -> None:
    """Thirteen rising quantiles around the value that the next row is then said to have been expected at."""
    folder, _ = taught
    rows = api.stream(folder).feed(_frame())
    one = rows[rows["unique_id"] == "s0"].reset_index(drop=True)
    near = one.iloc[50:99]
    assert (near[list(QUANTILES)].diff(axis=1).iloc[:, 1:] >= 0).all().all()
    np.testing.assert_allclose(near[QUANTILES[LEVELS.index(0.5)]], one["expected"].iloc[51:100], rtol=1e-5)
    assert (near["next_ds"].to_numpy() == one["ds"].iloc[51:100].to_numpy()).all()


def test_a_value_beyond_all_that_can_be_is_told(taught: tuple[Path, pd.DataFrame]) -> None:
    """It counts as missing, as in a file, and its row says so."""
    folder, _ = taught
    one = _frame().iloc[:3]
    found = api.stream(folder).feed(one.assign(y=[1.0, -np.inf, 1e300]))
    assert found["reason"].tolist() == ["", "no value: -inf is beyond 1e+36", "no value: 1e+300 is beyond 1e+36"]
    assert found["p_value"].iloc[1:].isna().all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [("ERR", "first 'ERR' in row 2 .*Leave such cells empty"), ("7,5", "first '7,5' in row 2 .*points")],
)
def test_a_value_that_is_no_number_is_refused(
    taught: tuple[Path, pd.DataFrame], tmp_path: Path, wrong: str, words: str
) -> None:
    """As by detection, and no row is taken; texts that are numbers, and empty ones, are read."""
    folder, expected = taught
    stream, texts = api.stream(folder), _frame()["y"].astype(object).map(lambda y: "" if np.isnan(y) else str(y))
    frame = _frame().assign(y=texts)
    spoilt = frame.assign(y=texts.where(texts.index != 2, wrong))
    stream.save(tmp_path)
    before = (tmp_path / STATE).read_bytes()
    for read in (stream.feed, lambda rows: api.detect(rows, load=folder)):
        with pytest.raises(DataError, match=f"column 'y': 1 value is no number, {words}"):
            read(spoilt)
    stream.save(tmp_path)
    assert (tmp_path / STATE).read_bytes() == before
    _same(stream.feed(frame), expected)


@pytest.mark.parametrize("name", ["unique_id", "ds"])
def test_a_row_without_name_or_time_is_refused(taught: tuple[Path, pd.DataFrame], name: str) -> None:
    """No series is called nan, and no row is taken."""
    folder, expected = taught
    stream, frame = api.stream(folder), _frame()
    with pytest.raises(DataError, match=f"column '{name}': 1 value is missing, first in row {frame.index[2]}"):
        stream.feed(frame.assign(**{name: frame[name].where(frame.index != frame.index[2])}))
    _same(stream.feed(frame), expected)


@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_rows_that_are_all_late_have_no_next_time(taught: tuple[Path, pd.DataFrame], zone: str | None) -> None:
    """Of the kind of times that the input has."""
    folder, _ = taught
    one = _frame().iloc[:60]
    stream, one = api.stream(folder), one.assign(ds=one["ds"].dt.tz_localize(zone))
    in_time, late = stream.feed(one), stream.feed(one)
    assert late["reason"].str.startswith("late").all()
    assert late["next_ds"].isna().all()
    assert late["next_ds"].dtype == in_time["next_ds"].dtype


def test_late_rows_and_long_gaps_are_told(taught: tuple[Path, pd.DataFrame]) -> None:
    """A late row changes nothing; a gap of more than a thousand steps begins the series anew."""
    folder, _ = taught
    one = _frame()[_frame()["unique_id"] == "s0"]
    plain, late = api.stream(folder), api.stream(folder)
    rows = pd.concat([one.iloc[:200], one.iloc[100:103], one.iloc[199:200], one.iloc[200:]])
    found = late.feed(rows)
    assert (found["reason"] != "").tolist() == [False] * 200 + [True] * 4 + [False] * (len(one) - 200)
    _same(found[found["reason"] == ""], plain.feed(one))
    far = one.iloc[:60].assign(ds=one["ds"].iloc[:60] + pd.Timedelta(hours=2000))
    anew = late.feed(far)
    assert anew["reason"].iloc[0].startswith("restarted after")
    assert (anew["reason"].iloc[1:] == "").all()
    fresh = Stream(SavedDetector.load(folder)).feed(far)
    np.testing.assert_allclose(anew["expected"], fresh["expected"], rtol=1e-5)


def test_a_row_of_a_wrong_clock_silences_nothing(taught: tuple[Path, pd.DataFrame]) -> None:
    """A leap beyond tomorrow is not taken, and those that follow are; a series that lies there all along is another matter."""
    folder, _ = taught
    one = _frame()[_frame()["unique_id"] == "s0"].iloc[:100]
    wrong = one.iloc[[50]].assign(ds=pd.Timestamp("2199-01-01"))
    plain, stream = api.stream(folder), api.stream(folder)
    found = stream.feed(pd.concat([one.iloc[:50], wrong, one.iloc[50:]]))
    assert found["reason"].iloc[50].startswith("ahead: beyond tomorrow (now 20")
    assert np.isnan(found["p_value"].iloc[50])
    _same(found.drop(index=found.index[50]), plain.feed(one))
    later = pd.Timestamp("2199-01-01") + (one["ds"] - one["ds"].iloc[0])
    simulated = api.stream(folder).feed(one.assign(unique_id="simulated", ds=later).drop(index=one.index[30:60]))
    assert (simulated["reason"] == "").all()


def test_a_leap_is_one_by_the_times_of_the_series() -> None:
    """Steps that follow each other go beyond tomorrow, as do numbers of steps; a leap over more than a day and a step does not."""
    now = pd.Timestamp("2024-01-10T12:00")
    for kind, times, taken in (
        ("datetime64[us]", pd.date_range("2024-01-10", "2024-01-20", freq="h"), 241),
        ("datetime64[us]", pd.DatetimeIndex(["2024-01-10", "2024-01-11T10:00", "2024-01-12T11:00"]), 3),
        ("datetime64[us]", pd.DatetimeIndex(["2024-01-10", "2024-01-13", "2024-01-10T01:00"]), 2),
        ("int64", pd.Index([1, 1_000_000_000_000_000_000]), 2),
    ):
        clock = Clock(kind, None)
        step = parse("int" if clock.integer else "h")
        places = Places(step, clock, {}, 1, now_s=now.timestamp)
        encoded = clock.encode(times.to_series())
        series, answers = places.arrive(["a"] * len(times), encoded).series, Answers.nothing(len(times))
        placed = places.place(series, encoded, np.zeros((len(times), 1)), answers)
        assert placed.last.sum() == taken
        assert sum(reason.startswith("ahead") for reason in answers.reason) == len(times) - taken


def test_a_state_of_another_detector_is_refused_by_name(taught: tuple[Path, pd.DataFrame], tmp_path: Path) -> None:
    """So is one that is damaged."""
    folder, _ = taught
    api.detect(_frame(), detector="ewma", settings={"alpha": 0.2}, save=tmp_path / "other")
    stream = api.stream(folder)
    stream.feed(_frame().iloc[:5])
    stream.save(tmp_path / "state")
    with pytest.raises(ArtifactError, match=r"is that of (residual|ewma|auto|aer)-.* the detector is ewma-"):
        api.stream(tmp_path / "other", tmp_path / "state")
    (tmp_path / "state" / STATE).write_bytes(b"half")
    with pytest.raises(ArtifactError, match="no readable state"):
        api.stream(folder, tmp_path / "state")
