"""Other series as covariates: on the rows of the series they stand beside, and never before they were known."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster.series.covariates import Recorded, with_covariates
from forecaster.series.frame import Checked, check
from forecaster.series.roles import Roles

NAN = float("nan")
HORIZON = 2
DAYS = pd.date_range("2024-01-01", periods=4, freq="D", tz="UTC")


def _series(ds: pd.DatetimeIndex = DAYS, name: str = "a") -> Checked:
    return check(pd.DataFrame({"unique_id": name, "ds": ds, "y": np.arange(len(ds), dtype=float)}), Roles())


def _recorded(ds: pd.DatetimeIndex, y: object, known: object = "2023-01-01") -> Recorded:
    return Recorded.of(pd.DataFrame({"ds": ds, "y": y, "available_at": pd.to_datetime(known, utc=True)}))


def _beside(checked: Checked, role: str, one: Recorded) -> list[float]:
    found = with_covariates(checked, Roles.of(**{role: ["x"]}), {("x", "a"): one}, pd.DataFrame(index=["a"]), HORIZON)
    values = getattr(found.grids[0], role)
    assert values.shape == (len(checked.grids[0].y) + HORIZON, 1)
    return list(values[:, 0])


def test_values_of_the_same_step_stand_at_their_times() -> None:
    """With a gap, and beyond the last row as far as they are known."""
    one = _recorded(DAYS[[0, 1, 3]].append(DAYS[-1:] + pd.Timedelta("1D")), [1.0, 2.0, 4.0, 5.0])
    for role in ("past", "future"):
        np.testing.assert_array_equal(_beside(_series(), role, one), [1.0, 2.0, NAN, 4.0, 5.0, NAN])


def test_a_shorter_step_is_averaged_over_what_is_known() -> None:
    """Past: the day up to the row's time, future: the day from there on; by hand, six hours apart."""
    hours = pd.date_range("2024-01-01", "2024-01-06 18:00", freq="6h", tz="UTC")
    one = _recorded(hours, np.arange(len(hours), dtype=float))
    np.testing.assert_allclose(_beside(_series(), "past", one), [0.0, 2.5, 6.5, 10.5, 14.5, 18.5])
    np.testing.assert_allclose(_beside(_series(), "future", one), [1.5, 5.5, 9.5, 13.5, 17.5, 21.5])


def test_a_longer_step_stands_until_its_next_row() -> None:
    """A week's value on its days; where the next week is missing, for half a week more."""
    days = pd.date_range("2024-01-01", periods=16, freq="D", tz="UTC")
    one = _recorded(pd.DatetimeIndex(["2024-01-01", "2024-01-08"], tz="UTC"), [1.0, 2.0])
    np.testing.assert_array_equal(_beside(_series(days), "future", one), [1.0] * 7 + [2.0] * 11)
    np.testing.assert_array_equal(
        _beside(_series(days.append(days[-1:] + pd.Timedelta("1D"))), "past", one), [1.0] * 7 + [2.0] * 11 + [NAN]
    )


def test_sundays_weather_is_not_fridays() -> None:
    """Business days take the values of their own days, not the mean with the weekend's."""
    days = pd.date_range("2024-01-01", periods=16, freq="D", tz="UTC")
    work = days[days.day_of_week < 5]
    beside = _beside(_series(work), "future", _recorded(days, np.arange(16.0)))
    np.testing.assert_array_equal(beside[: len(work)], np.arange(16.0)[days.day_of_week < 5])


def test_a_row_has_what_was_known_a_horizon_before_and_the_future_what_is_known_now() -> None:
    """A forecast that is issued each day for the next three: rows have the one of two days before."""
    issues = pd.date_range("2023-12-20", "2024-01-04", freq="D", tz="UTC")
    rows = [(day + pd.Timedelta(days=k), 10.0 * day.day + k, day) for day in issues for k in range(1, 4)]
    one = Recorded.of(pd.DataFrame(rows, columns=["ds", "y", "available_at"]))
    np.testing.assert_array_equal(_beside(_series(), "future", one), [302.0, 312.0, 12.0, 22.0, 41.0, 42.0])
    np.testing.assert_array_equal(_beside(_series(), "past", one)[:4], [311.0, 11.0, 21.0, 31.0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=30), st.integers(0, 2**16))
def test_what_is_known_later_changes_no_earlier_input(leads: list[int], seed: int) -> None:
    """Revisions that became known after a cutoff leave all that a forecast from it reads as it was, if the values were
    known a horizon ahead."""
    rng = np.random.default_rng(seed)
    ds = DAYS[rng.integers(0, 4, len(leads))]
    known = ds - pd.to_timedelta([lead - 2 for lead in leads], "D")
    first = pd.DataFrame({"ds": DAYS, "y": -1.0, "available_at": DAYS - pd.Timedelta(days=HORIZON)})
    late = pd.DataFrame({"ds": ds, "y": rng.normal(size=len(leads)), "available_at": known})
    every = pd.concat([first, late])
    whole = _beside(_series(), "future", Recorded.of(every))
    for cutoff in range(4):
        then = Recorded.of(every[every["available_at"] <= DAYS[cutoff]])
        read = slice(0, min(cutoff + HORIZON + 1, 4))
        np.testing.assert_array_equal(whole[read], _beside(_series(), "future", then)[read])


def test_what_came_after_its_time_is_told_and_counts_as_known() -> None:
    """As all values do that were read from history."""
    checked = _series()
    _beside(checked, "future", _recorded(DAYS, np.arange(4.0), "2024-01-02 12:00"))
    assert checked.quality.lines("note") == [
        "note: x: 2 of 4 values became known after their time, and count as known in advance"
    ]


def test_facts_of_series_are_numbers_or_categories() -> None:
    """In the order of the series, missing where nothing is said."""
    checked = check(pd.concat([pd.DataFrame({"unique_id": n, "ds": DAYS, "y": 1.0}) for n in "abc"]), Roles())
    said = pd.DataFrame({"region": ["north", None, "south"], "height": ["3", "4.5", None]}, index=list("abc"))
    grid = with_covariates(checked, Roles.of(static=["region", "height"]), {}, said, HORIZON).grids[0]
    np.testing.assert_array_equal(grid.static, [[0.0, 3.0], [NAN, 4.5], [1.0, NAN]])
    assert grid.static_labels == (("north", "south"), ())
