"""One value for much longer than ever before: a sensor that is stuck, a count that remains 0."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.detectors.auto import Auto
from forecaster.detectors.long_runs import LongRuns
from forecaster.scoring.detect import detect_all
from forecaster.scoring.detection import Detection
from forecaster.scoring.detection_rows import explained_events_of
from forecaster.series.frame import check
from forecaster.series.grid import Floats
from forecaster.series.roles import Roles

HOUR = np.arange(1200)


def _frame(*values: Floats) -> pd.DataFrame:
    """Hourly series."""
    parts = [
        pd.DataFrame({"unique_id": f"s{s}", "ds": pd.date_range("2024-01-01", periods=len(y), freq="h"), "y": y})
        for s, y in enumerate(values)
    ]
    return pd.concat(parts, ignore_index=True)


def _scores(taught: pd.DataFrame, rows: int, judged: pd.DataFrame | None = None) -> Floats:
    """Scores of a detector that was taught by the first rows of each series."""
    detector, grid = LongRuns(LongRuns.Config()), check(taught, Roles()).grids[0]
    detector.fit(grid, np.full(grid.series, rows), {})
    return detector.views(grid if judged is None else check(judged, Roles()).grids[0]).scores[:, 0]


def _temperature(random: np.random.Generator) -> Floats:
    """A slow daily season, to a hundredth."""
    return np.asarray(np.round(15 + 6 * np.sin(HOUR * np.pi / 144) + 0.05 * random.standard_normal(len(HOUR)), 2))


def _by_day(random: np.random.Generator) -> Floats:
    """A count that is 0 for eleven hours each night."""
    return np.where((HOUR % 24 >= 7) & (HOUR % 24 < 20), 1.0 + random.poisson(8, len(HOUR)), 0.0)


def test_a_run_is_judged_from_twice_the_longest_before_on() -> None:
    """After 120 values that never repeated, by hand: five equal ones are nothing, then p falls by the sixth power."""
    y = np.r_[np.arange(120.0), np.full(12, 7.5), 300.0]
    score = _scores(_frame(y), 100)
    lengths = np.arange(6, 13)
    np.testing.assert_allclose(score[125:132], np.log10(119 + lengths + 1) + 6 * np.log10(lengths / 5))
    assert (score[:125] == 0).all()
    assert score[132] == 0


def test_a_missing_value_within_a_run_changes_nothing() -> None:
    """The run goes on after it, and its own row has no score."""
    y = np.r_[np.arange(120.0), np.full(12, 7.5)]
    holed = np.insert(y, 126, [np.nan, np.nan])
    score, expected = _scores(_frame(holed), 100), _scores(_frame(y), 100)
    assert np.isnan(score[126:128]).all()
    np.testing.assert_array_equal(np.delete(score, [126, 127]), expected)


def test_nights_are_usual_and_do_not_hide_a_sensor_that_is_stuck_by_day() -> None:
    """Zeros of a night raise nothing; a value of the day that stays for half a night does, and zeros for three days."""
    y = _by_day(np.random.default_rng(1))
    assert (_scores(_frame(y), 400) == 0).all()
    y[1000:1012], y[1100:1162] = 4.0, 0.0
    score = _scores(_frame(y), 400)
    assert score[1011] > 3
    assert score[1161] > 3
    assert (np.delete(score, np.r_[1000:1012, 1100:1162]) == 0).all()


def test_series_that_rest_or_move_in_steps_raise_nothing() -> None:
    """A constant one, one whose level changes at times, and one that came to rest once before."""
    random = np.random.default_rng(2)
    steps = np.repeat(random.standard_normal(60), 20)
    parked = random.standard_normal(1200)
    parked[100:300] = parked[600:950] = 0.0
    assert (_scores(_frame(np.full(1200, 5.0), steps, parked), 400) == 0).all()


def test_a_series_not_seen_in_training_is_measured_by_the_longest_run_of_those_that_were() -> None:
    """Its first nights are no longer than theirs."""
    random = np.random.default_rng(3)
    taught, unseen = _frame(_by_day(random)), _frame(_by_day(random)).assign(unique_id="new")
    assert (np.nan_to_num(_scores(taught, 400, unseen)) == 0).all()
    unseen.loc[700:780, "y"] = 0.0
    assert np.nanmax(_scores(taught, 400, unseen)) > 3


def test_units_do_not_matter() -> None:
    """Values that are shifted and scaled have the same runs."""
    y = _by_day(np.random.default_rng(4))
    y[1000:1050] = 3.0
    np.testing.assert_allclose(_scores(_frame(101_325 + 0.5 * y), 400), _scores(_frame(y), 400))


def _events(frame: pd.DataFrame, members: str) -> pd.DataFrame:
    """Events of `auto` with these members, with what they were found by; the first 400 rows train."""
    how = Detection(settings={"members": members})
    return explained_events_of(detect_all(check(frame, Roles()), [np.array([400])], how))


@pytest.mark.parametrize(("kind", "begin", "end"), [("stuck", 930, 954), ("zero", 900, 960)])
def test_auto_finds_a_sensor_that_is_stuck_and_a_count_that_remains_zero(
    kind: str, begin: int, end: int, tmp_path: Path
) -> None:
    """In a table and in a stream; its other members find neither, as both are nearer to what they expect than usual."""
    random = np.random.default_rng(5)
    y = _temperature(random) if kind == "stuck" else random.poisson(0.3, len(HOUR)).astype(float)
    y[begin:end] = y[begin - 1] if kind == "stuck" else 0.0
    frame, (*others, _) = _frame(y), Auto.Config().names
    events, blind = (_events(frame, ",".join(names)) for names in (Auto.Config().names, others))
    mine, without = (one[one["start"].between(frame["ds"][begin], frame["ds"][end - 1])] for one in (events, blind))
    assert mine["found_by"].tolist() == [*LongRuns.view_names]
    assert without.empty
    rows, _ = api.detect(frame, train_until=frame["ds"][399])
    api.detect(frame.head(800), train_until=frame["ds"][399], save=tmp_path)
    streamed = api.stream(tmp_path).feed(frame[800:])
    np.testing.assert_allclose(streamed["p_value"], rows["p_value"][800:], rtol=1e-5)
    assert streamed["event_id"].dropna().tolist() == rows["event_id"][800:].dropna().tolist()
