"""Trading calendars: the days that an exchange itself announced, on grids and in forecasts."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions.forecast import forecast
from forecaster.errors import ConfigError
from forecaster.series.frame import check
from forecaster.series.frequency import parse
from forecaster.series.roles import Roles
from forecaster.series.sessions import sessions

pytest.importorskip("exchange_calendars", reason="needs the extra calendar")


def _texts(days: "np.ndarray") -> list[str]:
    return [str(day) for day in days]


@pytest.mark.parametrize(
    ("name", "first", "last", "closed"),
    [
        # NYSE: Christmas, New Year, and the day of mourning for President Carter, announced on 2024-12-30.
        ("XNYS", "2024-12-23", "2025-01-10", ["2024-12-25", "2025-01-01", "2025-01-09"]),
        # LSE: Good Friday, Easter Monday, the May bank holiday of 2024.
        ("XLON", "2024-03-25", "2024-05-10", ["2024-03-29", "2024-04-01", "2024-05-06"]),
        # ECB, "TARGET closing days": Good Friday, Easter Monday, 1 May; on Whit Monday it works.
        ("TARGET", "2024-03-25", "2024-05-24", ["2024-03-29", "2024-04-01", "2024-05-01"]),
        # And the additional closing days of its first years.
        ("TARGET", "1999-12-24", "2000-01-03", ["1999-12-31"]),
    ],
)
def test_closed_days_are_those_announced(name: str, first: str, last: str, closed: list[str]) -> None:
    """Weekdays of a span that are no sessions."""
    weekdays = pd.bdate_range(first, last).to_numpy("datetime64[D]")
    assert _texts(np.setdiff1d(weekdays, sessions(name).between(first, last))) == closed


def test_the_next_sessions_skip_what_is_closed() -> None:
    """From Christmas Eve on: the 26th, the 27th, and Monday the 30th."""
    assert _texts(sessions("XNYS").after("2024-12-24", 3)) == ["2024-12-26", "2024-12-27", "2024-12-30"]
    assert _texts(sessions("XNYS").after("2024-12-25", 1)) == ["2024-12-26"]


def test_a_missing_bar_is_told_from_a_closed_day() -> None:
    """Of a week with Christmas in it the Thursday lacks, and only that."""
    there = np.array(["2024-12-23", "2024-12-24", "2024-12-27", "2024-12-30"], "datetime64[D]")
    assert _texts(sessions("XNYS").missing(there)) == ["2024-12-26"]
    assert len(sessions("XNYS").missing(there[:0])) == 0


def test_positions_and_times_are_inverse() -> None:
    """Each session's position leads back to it, from any start; a multiple counts sessions."""
    step, days = parse("B-XNYS"), sessions("XNYS").between("2020-01-01", "2026-01-01")
    times = days.astype("datetime64[us]").view(np.int64)
    starts = np.full_like(times, times[0])
    assert step.positions(times, starts).tolist() == list(range(len(days)))
    assert (step.times(starts, np.arange(len(days))) == times).all()
    assert (parse("5B-XNYS").times(starts[:3], np.arange(3)) == times[[0, 5, 10]]).all()
    assert step.season == 5


def test_a_grid_of_sessions_has_no_holes_where_the_exchange_was_closed() -> None:
    """Three years of a share without a missing bar: on Mondays to Fridays its grid has the holidays as holes."""
    days = sessions("XNYS").between("2022-01-03", "2024-12-31")
    frame = pd.DataFrame({"unique_id": "share", "ds": days.astype("datetime64[us]"), "y": np.arange(len(days)) + 1.0})
    by_session, by_weekday = (check(frame, Roles(), freq=freq).grids[0] for freq in ("B-XNYS", "B"))
    assert int(by_session.lengths[0]) == 251 + 250 + 252  # NYSE's trading days of 2022, 2023 and 2024
    assert np.isnan(by_session.y).sum() == 0
    assert np.isnan(by_weekday.y).sum() == 9 + 10 + 10  # its holidays on weekdays


@pytest.mark.slow
def test_a_forecast_is_for_the_next_sessions(tmp_path: Path) -> None:
    """By the door's own --freq: no forecast for Christmas, and none for the day of mourning."""
    days = sessions("XNYS").between("2023-01-03", "2024-12-24")
    frame = pd.DataFrame({"unique_id": "share", "ds": days.astype("datetime64[us]"), "y": np.arange(len(days)) + 1.0})
    frame.to_csv(tmp_path / "in.csv", index=False)
    forecast(tmp_path / "in.csv", horizon=11, out=tmp_path / "out.csv", model="seasonal_naive", freq="B-XNYS")
    rows = pd.read_csv(tmp_path / "out.csv", parse_dates=["ds"])
    assert rows["ds"].dt.strftime("%m-%d").tolist() == [
        "12-26", "12-27", "12-30", "12-31", "01-02", "01-03", "01-06", "01-07", "01-08", "01-10", "01-13",
    ]  # fmt: skip


def test_nobody_knows_sessions_for_ever() -> None:
    """India's are announced year by year: beyond them is an error, not a guess; so is a name that is none."""
    mumbai = sessions("XBOM")
    with pytest.raises(ConfigError, match=r"calendar 'XBOM' is known up to 20.*shorter horizon"):
        mumbai.after(mumbai.last, 1)
    with pytest.raises(ConfigError, match=r"unknown trading calendar 'XNYC'\. Did you mean 'XNYS'\?"):
        parse("B-XNYC")
