"""What could be read in a wrong way without a word is refused, and the row is named."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import DataError
from forecaster.series import table
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.series.table_writer import write

DAYS = pd.date_range("2024-01-01", periods=40)


def _frame(ds: Any = DAYS, y: Any = None, name: Any = "a") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": np.arange(len(ds)) if y is None else y})


@pytest.mark.parametrize(
    "ds",
    [
        pd.date_range("2010-01-01", periods=12, freq="MS").strftime("%b-%y"),
        np.array(["0001-01-01", "2024-01-02"], "datetime64[us]"),
        ["0001-01-01", "2024-01-02"],
    ],
)
def test_a_year_without_four_digits_is_no_year(ds: Any) -> None:
    """Jan-10 is the tenth of January of the year 1 to pandas, and a database's empty date is its first day."""
    with pytest.raises(DataError, match=r"before the year 1000, first .* in row 0"):
        check(_frame(ds), Roles())


@pytest.mark.parametrize("file", [True, False])
def test_times_with_and_without_a_zone_are_not_mixed(file: bool, tmp_path: Path) -> None:
    """Which may be hours apart; other offsets of one place, and all without, are read as they were."""
    for even, odd, wrong in (("T00:00Z", "T00:00", 1), ("T00:00", "T00:00+02:00", 1), (" 00:00+0100", "", 1)):
        texts = [f"{day:%Y-%m-%d}{odd if k % 2 else even}" for k, day in enumerate(DAYS)]
        frame = _frame(texts)
        if file:
            frame.to_csv(tmp_path / "in.csv", index=False)
            frame = table.read(tmp_path / "in.csv")
        with pytest.raises(DataError, match=rf"has no zone, .* has one .first change in row {wrong}"):
            check(frame, Roles())
    for even, odd in (
        ("T00:00+01:00", "T01:00+02:00"),
        ("", ""),
        ("T00:00-05", "T00:00-05"),
        ("T000000Z", "T00:00:00Z"),
    ):
        texts = [f"{day:%Y-%m-%d}{odd if k % 2 else even}" for k, day in enumerate(DAYS)]
        assert check(_frame(texts), Roles()).grids[0].frequency.alias == "D"


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (pd.to_timedelta(np.arange(40), unit="h"), r"timedelta64\[.*\] values, .* Convert durations to seconds"),
        (pd.Series(pd.to_timedelta(np.arange(40), unit="h"), dtype=object), "timedelta values"),
        (DAYS, "datetime64.* values, which are no numbers"),
        (DAYS.to_period("D"), "period"),
        (np.arange(40) * 1j, "complex128 values.*real parts"),
    ],
)
def test_values_that_are_no_numbers_are_not_made_some(y: Any, message: str) -> None:
    """Nanoseconds and sizes of complex numbers are nobody's series."""
    with pytest.raises(DataError, match=f"column 'y' holds {message}"):
        check(_frame(y=y), Roles())


@pytest.mark.parametrize("text", ["6.939,00 €", "$12.50", "(120.5)", "12%", "<0.5", "7 kWh"])
def test_numbers_with_something_around_them_are_told_to_be_bare(text: str) -> None:
    """To leave such cells empty would be to lose them."""
    with pytest.raises(DataError, match="Write numbers alone, without unit, currency or brackets"):
        check(_frame(y=[text] * 40), Roles())


@pytest.mark.parametrize("text", ["n/a", "ERR", "12:30", "A12", "1-2"])
def test_what_is_no_number_may_be_left_empty(text: str) -> None:
    """It has nothing around a number."""
    with pytest.raises(DataError, match="Leave such cells empty"):
        check(_frame(y=[text] * 40), Roles())


def test_a_name_is_one_whether_number_or_text() -> None:
    """Of 1 and '1' two series would carry one name."""
    frame = _frame(name=[1 if k % 2 else "1" for k in range(40)])
    assert check(frame, Roles()).grids[0].series == 1
    rows, _ = api.detect(frame, detector="ewma")
    assert rows["y"].tolist() == list(range(40))
    assert check(_frame(name=7), Roles()).grids[0].unique_id.tolist() == [7]


def test_facts_in_a_csv_are_json(tmp_path: Path) -> None:
    """Another program reads them as those of `--format json`."""
    facts = {"error": "no 'champion'", "events": 2}
    write(pd.DataFrame({"run": ["a", "b"], "facts": [facts, None]}), tmp_path / "runs.csv")
    assert json.loads(pd.read_csv(tmp_path / "runs.csv")["facts"][0]) == facts
