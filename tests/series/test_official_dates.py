"""Dates of official statistics are times, and integers that look like times are told of."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.actions.forecast import forecast
from forecaster.errors import DataError
from forecaster.series.clock import stamp
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


@pytest.mark.parametrize(("unit", "size"), [("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)])
def test_integers_that_look_like_epochs_are_noted(unit: str, size: int) -> None:
    """They count as steps all the same; small counts are nothing to note."""
    seconds = np.arange(1_577_836_800, 1_577_836_800 + 50 * 3600, 3600)
    checked = check(pd.DataFrame({"unique_id": "a", "ds": seconds * size, "y": 1.0}), Roles())
    assert any(f"unit='{unit}'" in line for line in checked.quality.lines())
    assert checked.grids[0].clock.integer
    for plain in (np.arange(50), np.arange(50) * 10**6):
        assert not check(pd.DataFrame({"unique_id": "a", "ds": plain, "y": 1.0}), Roles()).quality.lines()
