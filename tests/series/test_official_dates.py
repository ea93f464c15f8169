"""Dates of official statistics are times, and integers that look like times are told of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions.forecast import forecast
from forecaster.errors import DataError
from forecaster.series.clock import Clock, stamp
from forecaster.series.frame import check
from forecaster.series.official_dates import first_day
from forecaster.series.roles import Roles

WEEKS, QUARTERS = pd.date_range("2020-01-06", periods=60, freq="W-MON"), pd.period_range("2000Q1", periods=60, freq="Q")
MONTHS = pd.period_range("2010-01", periods=60, freq="M")
WRITTEN = {
    "2020-W02": (WEEKS.strftime("%G-W%V"), WEEKS),
    "2020W02": (WEEKS.strftime("%GW%V"), WEEKS),
    "2020-W02-1": (WEEKS.strftime("%G-W%V-%u"), WEEKS),
    "2000Q1": ([f"{one.year}Q{one.quarter}" for one in QUARTERS], QUARTERS.start_time),
    "2000-Q1": ([f"{one.year}-Q{one.quarter}" for one in QUARTERS], QUARTERS.start_time),
    "Q1 2000": ([f"Q{one.quarter} {one.year}" for one in QUARTERS], QUARTERS.start_time),
    "Q1/2000": ([f"q{one.quarter}/{one.year}" for one in QUARTERS], QUARTERS.start_time),
    "2010M01": ([f"{one.year}M{one.month:02d}" for one in MONTHS], MONTHS.start_time),
    "2010-M1": ([f"{one.year}-M{one.month}" for one in MONTHS], MONTHS.start_time),
    "2010-S1": (["2010-S1", "2010-S2", "2011-S1", "2011-S2"], pd.date_range("2010-01-01", periods=4, freq="6MS")),
}


@pytest.mark.parametrize(("texts", "days"), WRITTEN.values(), ids=WRITTEN.keys())
def test_each_is_its_first_day(texts: list[str], days: pd.DatetimeIndex, tmp_path: Path) -> None:
    """In a file as in a frame, and told as a day."""
    frame = pd.DataFrame({"ds": texts, "y": np.arange(len(texts)) + 0.5})
    grid = check(frame.assign(unique_id="a"), Roles()).grids[0]
    assert grid.ds(np.zeros(len(days), int), np.arange(len(days))).tolist() == [f"{day:%Y-%m-%d}" for day in days]
    frame.to_csv(tmp_path / "in.csv", index=False)
    forecast(tmp_path / "in.csv", out=tmp_path / "out.csv", horizon=1, model="drift")
    assert pd.read_csv(tmp_path / "out.csv")["cutoff"].tolist() == [f"{days[-1]:%Y-%m-%d}"]
    assert stamp(texts[0], "--train-until") == days[0]


@pytest.mark.parametrize("text", ["2020-W54", "2010M13", "2000Q5", "Q1", "soon", "2020-01-31", "W02 2020"])
def test_other_texts_stay_what_they_are(text: str) -> None:
    """The border names those that are no times, with their rows."""
    assert first_day(text) == text
    if text not in ("2020-01-31", "Q1", "2000Q5"):
        frame = pd.DataFrame({"unique_id": "a", "ds": ["2020-W02", None, text], "y": 1.0})
        with pytest.raises(DataError, match=rf"column 'ds': 1 value is no time .row 2: '{text}'"):
            check(frame, Roles())


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["12. April 2024", "13. Mai 2024", "1. Juni 2024"], ["2024-04-12", "2024-05-13", "2024-06-01"]),
        (["3-Mai-2024", None, "4-Okt-2024"], ["2024-05-03", None, "2024-10-04"]),
        (["05 Dez 2024 14:00", "06 Jan 2025 15:30"], ["2024-12-05 14:00", "2025-01-06 15:30"]),
        (["12. März 2024", "1. Jänner 2025", "5. Sept. 2025"], ["2024-03-12", "2025-01-01", "2025-09-05"]),
        (["May 2024", "Jun 2024", "Oct 2024"], ["2024-05-01", "2024-06-01", "2024-10-01"]),
        (["April 1, 2024", "March 2, 2024"], ["2024-04-01", "2024-03-02"]),
    ],
)
def test_months_have_names(texts: list[str | None], days: list[str | None]) -> None:
    """German ones, too, and English ones that begin with a May, which is short and long at once."""
    column = pd.Series(texts, dtype="str")
    clock = Clock.of(column)
    known = column.notna().to_numpy()
    assert (
        clock.encode(column)[known].tolist()
        == pd.to_datetime(pd.Series(days), format="ISO8601")[known].astype("datetime64[us]").astype("int64").tolist()
    )
    assert stamp(texts[0], "--train-until") == pd.Timestamp(days[0])


@pytest.mark.parametrize("text", ["12. Marsch 2024", "Maier 2024", "24-Mai-03", "soon"])
def test_other_words_are_no_months(text: str) -> None:
    """And a year of two digits could be a day."""
    with pytest.raises(DataError, match="1 value is no time"):
        Clock.of(pd.Series([text], dtype="str")).encode(pd.Series([text], dtype="str"))


@pytest.mark.parametrize(("unit", "size"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_integers_that_look_like_epochs_are_noted(unit: str, size: int) -> None:
    """They count as steps all the same; small counts are nothing to note."""
    seconds = np.arange(1_577_836_800, 1_577_836_800 + 50 * 3600, 3600)
    checked = check(pd.DataFrame({"unique_id": "a", "ds": seconds * size, "y": 1.0}), Roles())
    assert any(f"unit='{unit}'" in line for line in checked.quality.lines())
    assert checked.grids[0].clock.integer
    for plain in (np.arange(50), np.arange(50) * 10**6):
        assert not check(pd.DataFrame({"unique_id": "a", "ds": plain, "y": 1.0}), Roles()).quality.lines()
