"""The border: any long frame in, series on a grid out, and every repair told."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from forecaster.series.clock import Clock, stamp
from forecaster.series.frame import Checked, check
from forecaster.series.roles import Roles


def _frame(times: list[object], values: list[object] | None = None, name: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": times, "y": values or list(range(len(times)))})


def _days(*days: int) -> list[pd.Timestamp]:
    return [pd.Timestamp("2024-01-01") + pd.Timedelta(days=d) for d in days]


def _reasons(checked: Checked) -> str:
    return "\n".join(checked.quality.lines())


def test_gaps_become_missing_values() -> None:
    """A step that has no row is NaN on the grid."""
    grid = check(_frame(_days(0, 1, 2, 5, 6), [1.0, 2.0, 3.0, 4.0, 5.0]), Roles()).grids[0]
    np.testing.assert_array_equal(grid.y, [1, 2, 3, np.nan, np.nan, 4, 5])
    assert grid.frequency.alias == "D"


def test_unsorted_rows_are_sorted_and_told() -> None:
    """The order of rows says nothing."""
    checked = check(_frame(_days(2, 0, 1), [3.0, 1.0, 2.0]), Roles())
    np.testing.assert_array_equal(checked.grids[0].y, [1, 2, 3])
    assert "out of time order" in _reasons(checked)


def test_of_duplicate_times_the_last_wins() -> None:
    """And the series is named."""
    checked = check(_frame(_days(0, 1, 1, 2), [1.0, 2.0, 9.0, 3.0]), Roles())
    np.testing.assert_array_equal(checked.grids[0].y, [1, 9, 3])
    assert [(f.unique_id, f.rows) for f in checked.quality.of("repair")] == [("a", 1)]


def test_infinities_and_empty_cells_are_missing() -> None:
    """Text like NaN too; other text is an error that names the row."""
    checked = check(_frame(_days(0, 1, 2, 3), [1.0, np.inf, None, -np.inf]), Roles())
    np.testing.assert_array_equal(checked.grids[0].y, [1, np.nan, np.nan, np.nan])
    assert "infinite" in _reasons(checked)
    huge = check(_frame(_days(0, 1, 2), [1.0, 1e300, 1e30]), Roles())
    np.testing.assert_array_equal(huge.grids[0].y, [1, np.nan, 1e30])
    text = check(_frame(_days(0, 1, 2), ["1.5", "", "NaN"]), Roles())
    np.testing.assert_array_equal(text.grids[0].y, [1.5, np.nan, np.nan])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (
            _frame(_days(0, 1), ["1", "high"]),
            "column 'y': 1 value is no number, first 'high' in row 1 (line 3 of a CSV file).",
        ),
        (_frame(_days(0, 1), ["1,5", "1,7"]), "first '1,5' in row 0 (line 2 of a CSV file). Write decimal points"),
        (
            _frame(_days(0, 1), ["10,037", "9,981"]),
            "first '10,037' in row 0 (line 2 of a CSV file). That is 10037 or 10.037: write",
        ),
        (
            _frame(_days(0, 1, 2), ["1,210,037.5", "9", "2,5"]),
            "first '1,210,037.5' in row 0 (line 2 of a CSV file). That is 1210037.5: write",
        ),
        (
            _frame(_days(0, 1), ["10.037,72", "9"]),
            "first '10.037,72' in row 0 (line 2 of a CSV file). That is 10037.72: .* file with --decimal ,",
        ),
        (
            _frame(_days(0, 1), ["1 003.5", "9"]),
            "first '1 003.5' in row 0 .* That is 1003.5: write numbers with no space",
        ),
        (_frame(["01/02/2024", "02/02/2024"]), "column 'ds': '01/02/2024' .row 0. is 2024-01-02 or 2024-02-01"),
        (_frame(["2024-01-01", "soon"]), "column 'ds': 1 value is no time"),
        (_frame([0.5, 1.5]), "column 'ds' holds float64"),
        (_frame(_days(0, 1)).rename(columns={"y": "value"}), "no column 'y'"),
        (_frame(_days(0, 1)).rename(columns={"unique_id": "meter"}), "no column 'unique_id'"),
        (_frame([]), "no rows"),
        (_frame(_days(0, 1), [np.nan, np.nan]), "every series is empty"),
        (
            _frame(_days(0, 1), [1e300, np.inf]),
            "every series is empty: .*infinite values, or beyond 1e\\+36, read as missing",
        ),
    ],
    ids=[
        "text in y",
        "decimal comma",
        "comma of thousands or of decimals",
        "commas of thousands",
        "points of thousands",
        "spaces of thousands",
        "day or month",
        "no time",
        "float times",
        "no y",
        "no unique_id",
        "empty",
        "all missing",
        "all too large",
    ],
)
def test_what_cannot_be_read_is_named(frame: pd.DataFrame, message: str) -> None:
    """The error says which, what and where."""
    with pytest.raises(DataError, match=re.sub(r"[()]", r"\\\g<0>", message)):
        check(frame, Roles())


def test_an_all_missing_series_is_skipped_and_the_others_go_on() -> None:
    """One bad series never stops the others."""
    frame = pd.concat([_frame(_days(0, 1, 2)), _frame(_days(0, 1), [np.nan, np.nan], "b")])
    checked = check(frame, Roles())
    assert checked.grids[0].unique_id.tolist() == ["a"]
    assert [(f.unique_id, f.kind) for f in checked.quality.findings] == [("b", "skip")]
    np.testing.assert_array_equal(checked.series_of, [0, 0, 0, -1, -1])


def test_commas_are_of_thousands_where_they_can_be_nothing_else() -> None:
    """One of them before a point, or before another, says it of all; it is noted, and empty cells stay missing."""
    for cells in (["6,939.00", "950", "7,001", ""], ["6,939", "1,210,037", "5", "NA"]):
        checked = check(_frame(_days(0, 1, 2, 3), cells), Roles())
        wanted = [float(cell.replace(",", "")) for cell in cells[:3]]
        np.testing.assert_array_equal(checked.grids[0].y[:3], wanted)
        assert "column 'y': commas read as marks of thousands" in [f.reason for f in checked.quality.findings]


def test_between_points_the_day_comes_first() -> None:
    """01.02.2024 is in February, also in a file of firsts of months; with slashes it stays either."""
    grid = check(_frame(["01.01.2024", "01.02.2024", "01.03.2024"]), Roles()).grids[0]
    assert grid.frequency.alias == "MS"
    assert stamp("01.02.2024", "--train-until") == pd.Timestamp("2024-02-01")


def test_day_and_month_are_told_apart_where_one_of_them_fits() -> None:
    """30/01 is no date of a 30th month: then 01/02 is in February."""
    days = pd.date_range("2024-01-30", periods=4)
    for pattern in ("%d/%m/%Y", "%m/%d/%Y"):
        grid = check(_frame(list(days.strftime(pattern))), Roles()).grids[0]
        assert grid.ds(np.zeros(4, int), np.arange(4)).tolist() == [f"{day:%Y-%m-%d}" for day in days]


def test_columns_that_are_not_used_are_named() -> None:
    """A column whose role was forgotten is seen at once."""
    frame = _frame(_days(0, 1, 2)).assign(label=0, wind=1.0, is_test=0)
    assert _reasons(check(frame, Roles())) == "note: columns not used: label, wind, is_test"
    assert _reasons(check(frame, Roles(past=("wind",)), beside="is_test")) == "note: columns not used: label"


def test_strict_makes_repairs_errors() -> None:
    """For those who would rather mend their data."""
    with pytest.raises(DataError, match="duplicate times"):
        check(_frame(_days(0, 0, 1)), Roles(), strict=True)


def test_several_steps_become_several_grids() -> None:
    """Hourly and daily series in one table are modelled apart, and that is said."""
    frame = pd.concat([synthetic.seasonal(2, 50), synthetic.seasonal(1, 50, step="D").assign(unique_id="day")])
    checked = check(frame, Roles())
    assert [(g.frequency.alias, g.series) for g in checked.grids] == [("h", 2), ("D", 1)]
    assert "several steps" in _reasons(checked)


def test_irregular_times_move_to_the_grid() -> None:
    """A clock that is some seconds late is no new step."""
    times = [pd.Timestamp("2024-01-01") + pd.Timedelta(minutes=10 * k, seconds=int(k % 3)) for k in range(50)]
    checked = check(_frame(times), Roles())
    assert checked.grids[0].frequency.alias == "10min"
    assert len(checked.grids[0].y) == 50
    assert "moved to the nearest step" in _reasons(checked)


def test_rows_that_meet_in_one_step_are_counted() -> None:
    """Two readings of one minute: the last wins, and the other is told."""
    seconds = [0, 60, 120, 175, 180, 240, 300, 360]
    ds = [pd.Timestamp("2024-01-01") + pd.Timedelta(seconds=s) for s in seconds]
    checked = check(_frame(ds), Roles(), freq="min")
    np.testing.assert_array_equal(checked.grids[0].y, [0, 1, 2, 4, 5, 6, 7])
    assert "meet in one step of min: the last row wins (1 series, 1 row)" in _reasons(checked)


def test_one_stray_time_does_not_fill_the_memory() -> None:
    """A row from 1970 among minutes of 2024: rows are taken in order."""
    times = [pd.Timestamp("1970-01-01"), *pd.date_range("2024-01-01", periods=100, freq="min")]
    checked = check(_frame(list(times)), Roles())
    assert len(checked.grids[0].y) == 101
    assert "taken in order" in _reasons(checked)


@pytest.mark.parametrize(
    ("alias", "expected"),
    [
        ("s", "s"), ("15min", "15min"), ("h", "h"), ("D", "D"), ("B", "B"), ("W-WED", "W-WED"), ("MS", "MS"),
        ("ME", "ME"), ("QS", "QS"), ("YS", "YS"), ("2h", "2h"), ("2MS", "2MS"),
    ],
)  # fmt: skip
def test_the_step_is_found_from_the_times(alias: str, expected: str) -> None:
    """Every step that --freq takes, on both sides of a leap day; and the times after the last are those of pandas."""
    times = pd.date_range("2023-12-01", periods=40, freq=alias, unit="us")
    grid = check(_frame(list(times[:30])), Roles()).grids[0]
    found = {"2MS": {"2MS"}, "MS": {"MS"}}.get(expected, {expected})
    assert grid.frequency.alias in found
    ahead = grid.ds(np.zeros(10, np.int64), np.arange(30, 40))
    assert ahead.tolist() == times[30:].tolist()


def _on(weekdays: str, rows: int = 60) -> list[pd.Timestamp]:
    days = pd.date_range("2023-12-04", periods=7 * rows, freq="D", unit="us")
    return [day for day in days if day.day_name()[:3] in weekdays.split()][:rows]


@pytest.mark.parametrize(
    ("weekdays", "expected"),
    [("Mon Wed Fri", "B"), ("Mon Tue Thu", "B"), ("Mon Fri", "B"), ("Tue Wed Sat", "D"), ("Mon Wed Fri Sun", "D")],
)
@pytest.mark.parametrize("rows", [12, 60])
def test_some_days_of_the_week_are_days_with_gaps(weekdays: str, expected: str, rows: int) -> None:
    """No row moves to a day on which there are no data, and the days after the last go on."""
    days = _on(weekdays, rows)
    checked = check(_frame(days), Roles())
    grid = checked.grids[0]
    assert (grid.frequency.alias, checked.quality.of("repair")) == (expected, [])
    assert grid.ds(np.zeros(len(grid.y), np.int64), np.arange(len(grid.y)))[~np.isnan(grid.y)].tolist() == days


def test_some_days_of_the_week_are_found_with_holidays_times_and_zones() -> None:
    """A day left out now and then, an hour that is not midnight, and a night in which clocks are put forward."""
    days = pd.DatetimeIndex([day for n, day in enumerate(_on("Mon Wed Fri", 90)) if n % 11 != 5])
    for times in (days, days + pd.Timedelta(hours=9), days.tz_localize("Europe/Paris")):
        checked = check(_frame(list(times)), Roles())
        assert (checked.grids[0].frequency.alias, checked.quality.of("repair")) == ("B", [])


def test_a_step_of_days_may_be_given_for_some_days_of_the_week_and_hours_may_not() -> None:
    """Each step of an hour but one in 48 would be empty."""
    assert check(_frame(_on("Mon Wed Fri")), Roles(), freq="D").grids[0].frequency.alias == "D"
    with pytest.raises(ConfigError, match="--freq h: most steps would be empty, rows come every B"):
        check(_frame(_on("Mon Wed Fri")), Roles(), freq="h")


def test_dates_now_and_then_lose_no_row() -> None:
    """One to three days apart by chance: on a grid of two days rows would meet."""
    distances = np.random.default_rng(0).integers(1, 4, 60)
    checked = check(_frame(_days(*np.cumsum(distances).tolist())), Roles())
    grid = checked.grids[0]
    assert (grid.frequency.alias, checked.quality.of("repair")) == ("D", [])
    assert int((~np.isnan(grid.y)).sum()) == 60


_CHANCE = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (600 * np.arange(200) + _CHANCE.integers(-30, 31, 200), "10min"),
        (5 * np.arange(200) + _CHANCE.integers(-1, 2, 200), "5s"),
        (2 * np.arange(200) + _CHANCE.integers(0, 2, 200), "2s"),
        (60 * np.cumsum(_CHANCE.choice([4, 5, 5, 5, 5, 6], 200)), "5min"),
        (86_400 * (7 * np.arange(100) + _CHANCE.integers(0, 7, 100)), "W"),
        (86_400 * np.cumsum([2] * 50 + [3] + [2] * 50), "2D"),
        (np.sort(_CHANCE.choice(3_600 * 300, 300, replace=False)), "30min"),
    ],
    ids=["beside minutes", "beside seconds", "half a step", "slow clock", "once a week", "one slip", "by chance"],
)
def test_readings_beside_their_steps_make_no_finer_grid(seconds: np.ndarray, expected: str) -> None:
    """Jitter, a clock that is late, a slip and times by chance: the step stays, and moved rows are told."""
    checked = check(_frame([pd.Timestamp("2024-01-01") + pd.Timedelta(seconds=int(s)) for s in seconds]), Roles())
    assert checked.grids[0].frequency.alias == expected
    assert "moved to the nearest step" in _reasons(checked)


@pytest.mark.parametrize("weekdays", ["Tue Thu", "Mon Thu"])
def test_a_grid_without_neighbours_is_not_taken(weekdays: str) -> None:
    """Spreads are means of moves from one step to the next; without any, intervals would have no width."""
    checked = check(_frame(_on(weekdays)), Roles())
    assert checked.grids[0].frequency.alias in ("2D", "3D")
    assert "moved to the nearest step" in _reasons(checked)


def test_years_beyond_nanoseconds() -> None:
    """Yearly series may run to 2540."""
    times = pd.Series(np.arange(np.datetime64("2200", "Y"), np.datetime64("2500", "Y")).astype("datetime64[us]"))
    grid = check(_frame(times.tolist()), Roles()).grids[0]
    assert grid.frequency.alias == "YS"
    assert str(grid.ds(np.zeros(1, np.int64), np.array([300])).iloc[0]) == "2500-01-01 00:00:00"


def test_integer_times_are_steps() -> None:
    """They come back as integers."""
    grid = check(_frame([10, 20, 30, 50]), Roles()).grids[0]
    assert grid.frequency.alias == "10int"
    assert grid.ds(np.zeros(2, np.int64), np.array([4, 5])).tolist() == [50, 60]


@pytest.mark.parametrize("written", ["%Y%m", "%Y%m%d", "%Y%m%d%H", "%Y%m%d%H%M%S"])
def test_dates_written_as_integers_are_not_taken_for_steps(written: str) -> None:
    """No step leads from 20240131 to 20240201: forecasts would have days that there are not."""
    times = pd.date_range("2023-11-20", periods=60, freq="MS" if written == "%Y%m" else "D")
    with pytest.raises(DataError, match=f"number of steps or the date {times[0]:%Y-%m-%d}"):
        check(_frame(list(times.strftime(written).astype("int64"))), Roles())


@pytest.mark.parametrize("first", [0, 20_240_101, 202_401, 1_704_067_200, 1_704_067_200_000])
def test_integers_that_are_no_dates_are_steps(first: int) -> None:
    """Counts, whatever they begin at, and seconds since 1970."""
    assert check(_frame(list(range(first, first + 40))), Roles()).grids[0].frequency.alias == "int"


@pytest.mark.parametrize(("first", "said"), [(1950, True), (1, False), (1499, False), (2090, False)])
def test_integers_that_look_like_years_stay_integers_and_are_noted(first: int, said: bool) -> None:
    """Whoever wants a calendar of years is told what to write; counts are no years."""
    checked = check(_frame(list(range(first, first + 40))), Roles())
    notes = [one.reason for one in checked.quality.of("note") if "look like years (1950 to 1989)" in one.reason]
    assert checked.grids[0].frequency.alias == "int"
    assert bool(notes) == said


@pytest.mark.parametrize("zone", ["Europe/Paris", "Australia/Melbourne", "UTC"])
@pytest.mark.parametrize("step", ["h", "D"])
def test_a_night_of_23_or_25_hours_is_no_gap(zone: str, step: str) -> None:
    """Hours are counted in UTC, days by the wall clock; both come back in the data's own zone."""
    times = pd.date_range("2024-03-25", "2024-04-12", freq=step, tz=zone, unit="us")
    grid = check(_frame(list(times[:-3])), Roles()).grids[0]
    assert not np.isnan(grid.y).any()
    rows = len(times) - 3
    ahead = grid.ds(np.zeros(3, np.int64), np.arange(rows, rows + 3))
    assert ahead.tolist() == times[-3:].tolist()
    assert str(ahead.dtype) == str(times.dtype)


def test_naive_times_in_a_zone() -> None:
    """`--tz` says where naive times were taken; they come back naive."""
    times = list(pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Paris").tz_localize(None))
    checked = check(_frame(times), Roles(), zone="Europe/Paris")
    grid = checked.grids[0]
    assert grid.frequency.alias == "h"
    assert grid.ds(np.zeros(1, np.int64), np.array([0])).iloc[0] == times[0]
    with pytest.raises(ConfigError, match="unknown time zone"):
        check(_frame(times), Roles(), zone="Europe/Atlantis")


def test_channels_are_series_of_their_own() -> None:
    """Several targets share times, gaps and covariates."""
    frame = synthetic.seasonal(2, 30).rename(columns={"y": "a"})
    frame["b"] = -frame["a"]
    frame["x"] = 1.0
    grid = check(frame, Roles.of(["a", "b"], past=["x"])).grids[0]
    assert grid.keys().to_numpy().tolist() == [["s0", "a"], ["s0", "b"], ["s1", "a"], ["s1", "b"]]
    np.testing.assert_array_equal(grid.values(1), -grid.values(0))
    np.testing.assert_array_equal(grid.values(2), frame.loc[frame["unique_id"] == "s1", "a"])
    assert grid.covariate_starts.tolist() == [0, 0, 30, 30]


def test_rows_after_the_last_target_are_the_future() -> None:
    """Known-future columns reach beyond the series; without such columns the rows are missing values."""
    frame = _frame(_days(*range(10)), [*map(float, range(7)), np.nan, np.nan, np.nan]).assign(plan=range(10))
    assert check(frame, Roles.of(future=["plan"])).grids[0].lengths.tolist() == [7]
    assert check(frame, Roles()).grids[0].lengths.tolist() == [10]


@given(st.permutations(range(12)), st.integers(1, 400), st.floats(0.001, 1000))
@settings(max_examples=30, deadline=None)
def test_order_and_start_and_unit_say_nothing(order: list[int], days: int, factor: float) -> None:
    """Rows shuffled, times moved, values scaled: the same grid, moved and scaled."""
    frame = pd.concat(
        [_frame(_days(0, 1, 3, 4, 5, 6), name="a"), _frame(_days(0, 1, 2, 3, 4, 5), name="b")], ignore_index=True
    )
    plain = check(frame, Roles()).grids[0]
    moved = frame.iloc[order].assign(ds=lambda f: f["ds"] + pd.Timedelta(days=days), y=lambda f: f["y"] * factor)
    other = check(moved, Roles()).grids[0]
    for name in ("a", "b"):
        one, two = (g.values(g.unique_id.tolist().index(name)) for g in (plain, other))
        np.testing.assert_allclose(two, one * factor)
    assert set(other.starts - plain.starts[0]) == {days * 86_400_000_000}


def test_every_input_row_knows_its_place() -> None:
    """What a detector says of a grid row goes back to the input row that it came from."""
    frame = synthetic.seasonal(3, 40).sample(frac=1, random_state=0).reset_index(drop=True)
    checked = check(frame, Roles())
    grid = checked.grids[0]
    back = grid.y[grid.offsets[checked.series_of] + checked.position_of]
    np.testing.assert_array_equal(back, frame["y"])


def test_a_time_asked_for_is_not_guessed() -> None:
    """Where day and month could change places, both readings are named."""
    clock = Clock.of(pd.Series(_days(0, 1)))
    assert clock.instant("31.01.2024", "--train-until") == clock.instant("2024-01-31", "--train-until")
    with pytest.raises(ConfigError, match=r"'01/02/2024' is 2024-01-02 or 2024-02-01"):
        clock.instant("01/02/2024", "--train-until")


@pytest.mark.parametrize(("step", "freq"), [("h", "7min"), ("h", "30min"), ("MS", "D"), ("D", "h")])
def test_a_step_far_shorter_than_that_of_the_rows_is_an_error(step: str, freq: str) -> None:
    """Most of its places would be empty, and intervals would shrink to nothing."""
    with pytest.raises(ConfigError, match=f"--freq {freq}: most steps would be empty, rows come every {step}"):
        check(_frame(list(pd.date_range("2024-01-01", periods=40, freq=step))), Roles(), freq=freq)


def test_a_step_may_be_given_for_rows_that_come_now_and_then() -> None:
    """Sales of some days, and business days as days."""
    days = np.cumsum(np.random.default_rng(0).integers(1, 4, 60))
    for times in (_days(*days.tolist()), list(pd.date_range("2024-01-01", periods=40, freq="B"))):
        assert check(_frame(times), Roles(), freq="D").grids[0].frequency.alias == "D"


@pytest.mark.parametrize("step", ["h", "30min"])
def test_the_hour_that_comes_twice_in_autumn_is_two_hours(step: str) -> None:
    """In wall clocks without a zone, of several series: the first is summer time's, the second winter time's."""
    times = pd.date_range("2024-10-26", "2024-10-29", freq=step, tz="Europe/Berlin")
    walls = list(times.tz_localize(None))
    frame = pd.concat([_frame(walls, name=name) for name in "ab"]).sort_index(kind="stable")
    checked = check(frame, Roles(), zone="Europe/Berlin")
    grid = checked.grids[0]
    assert not checked.quality.lines()
    np.testing.assert_array_equal(grid.values(1), np.arange(len(times)))
    assert grid.ds(np.zeros(len(times), np.int64), np.arange(len(times))).tolist() == walls


def test_points_of_a_date_are_no_fractions_of_seconds() -> None:
    """Times come back without .000000 where the input wrote none."""
    texts = [f"17.01.2024 {hour:02d}:00" for hour in range(8)]
    grid = check(_frame(texts), Roles()).grids[0]
    assert grid.ds(np.zeros(1, np.int64), np.array([8])).tolist() == ["2024-01-17 08:00:00"]
