"""Holidays as features: by the local day, known beyond the last row, kept with the model."""

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.backtest import backtest
from forecaster.actions.forecast import forecast
from forecaster.errors import ConfigError, MissingPackage
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.public_holidays import with_holidays
from forecaster.series.roles import Roles
from forecaster.training.plan import plan
from tests.quick import quick

package = pytest.importorskip("holidays")


def _grid(ds: pd.DatetimeIndex, **columns: object) -> Grid:
    frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": np.arange(len(ds)) % 7, **columns})
    return check(frame, Roles.of(future=list(columns))).grids[0]


def test_days_around_a_holiday_by_hand() -> None:
    """Independence Day 2024, seen from the days before and after it and from beyond the series' end."""
    grid = with_holidays(_grid(pd.date_range("2024-06-24", "2024-07-02", unit="us")), "US", 5)
    assert grid.future_names == ("US: holiday", "US: days to holiday", "US: days since holiday")
    # Juneteenth was on the 19th; 24th of June to 7th of July.
    assert grid.future[:, 0].tolist() == [0.0] * 10 + [1.0] + [0.0] * 3
    assert grid.future[:, 1].tolist() == [7.0] * 4 + [6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 0.0] + [7.0] * 3
    assert grid.future[:, 2].tolist() == [5.0, 6.0] + [7.0] * 8 + [0.0, 1.0, 2.0, 3.0]


def test_an_hour_is_in_a_holiday_by_its_local_day() -> None:
    """Christmas in New York begins at five in the morning, UTC."""
    grid = with_holidays(_grid(pd.date_range("2024-12-24", periods=72, freq="h", tz="America/New_York")), "US", 1)
    inside = grid.future[:72, 0]
    assert inside.tolist() == [0.0] * 24 + [1.0] * 24 + [0.0] * 24
    assert grid.starts[0] % 86_400_000_000 == 5 * 3_600_000_000


def test_longer_steps_count_their_holidays() -> None:
    """Germany, December 2023 and January 2024: two days of Christmas, then New Year."""
    grid = with_holidays(_grid(pd.date_range("2023-10-01", periods=4, freq="MS", unit="us")), "DE", 2)
    counted = [
        sum(day.month == month for day in package.country_holidays("DE", years=[2023])) for month in (10, 11, 12)
    ]
    assert grid.future[:3, 0].tolist() == counted
    assert grid.future[3, 0] == 1


def test_other_columns_stay_as_they_were() -> None:
    """Own future columns are held beyond their end, as they are without holidays; channels share their rows."""
    days = pd.date_range("2024-06-24", periods=20, unit="us")
    frame = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 10), "ds": [*days[:10], *days[:10]], "plan": range(20)})
    grid = check(frame.assign(y=1.0, z=2.0), Roles.of(targets=["y", "z"], future=["plan"])).grids[0]
    wide = with_holidays(grid, "US,DE-BY", 3)
    assert wide.future.shape == (26, 7)
    assert wide.future[:, 0].tolist() == [*range(10), 9, 9, 9, *range(10, 20), 19, 19, 19]
    assert wide.covariate_starts.tolist() == [0, 0, 13, 13]
    assert with_holidays(grid, "", 3) is grid


def _frame() -> pd.DataFrame:
    """Six series that stand still on holidays."""
    ds = pd.date_range("2019-01-01", periods=700, unit="us")
    known = package.country_holidays("US", years=[2019, 2020])
    shut = np.array([day.date() in known for day in ds])
    random = np.random.default_rng(0)
    usual = [10 + 2 * np.sin(2 * np.pi * np.arange(700) / 7) + 0.2 * random.standard_normal(700) for _ in range(6)]
    names = np.repeat([f"s{n}" for n in range(6)], 700)
    return pd.DataFrame(
        {"unique_id": names, "ds": [*ds] * 6, "y": np.concatenate([np.where(shut, 2, y) for y in usual])}
    )


@pytest.mark.slow
def test_a_model_that_knows_of_holidays_foresees_them(tmp_path: Path) -> None:
    """--holidays at the file door: another Labor Day than the days around it; a loaded model needs no option."""
    frame = _frame()
    path, out, model = tmp_path / "in.parquet", tmp_path / "out.parquet", tmp_path / "model"
    frame[frame["ds"] < "2020-09-04"].to_parquet(path)
    settings = quick(steps=150, rows=16, lr=0.01)
    forecast(path, horizon=7, out=out, model="lstm", season=[7], holidays=["US"], set_=settings, save=model)
    rows = pd.read_parquet(out)
    by_day = rows.groupby(rows["ds"].dt.date)["q0.5"].mean()
    assert by_day[date(2020, 9, 7)] < 0.7 * by_day.drop(date(2020, 9, 7)).min()
    pd.testing.assert_frame_equal(api.predict(api.load(model), pd.read_parquet(path)), rows, check_exact=False)


def test_backtests_take_holidays(tmp_path: Path) -> None:
    """The same words there; what was asked for is in the plan."""
    path = tmp_path / "in.parquet"
    _frame().to_parquet(path)
    asked = {"horizon": 3, "model": "gru", "test_size": 20, "season": [7], "set_": quick()}
    made = backtest(path, out=tmp_path / "out.parquet", holidays=["US", "DE-BY"], **asked)
    assert made.facts["plans"][0]["holidays"] == "US,DE-BY"
    with pytest.raises(ConfigError, match="unknown part of DE of --holidays 'XY'"):
        backtest(path, out=tmp_path / "out.parquet", holidays=["DE-XY"], **asked)


def test_what_cannot_be_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unknown countries, times that are no dates, and a package that is not there."""
    days = _grid(pd.date_range("2024-06-24", periods=9, unit="us"))
    with pytest.raises(
        ConfigError, match=r"unknown country of --holidays 'XXX'.* Use codes .* such as US, GB"
    ) as found:
        plan(days, days.lengths, model="linear", horizon=2, settings={"holidays": "XXX"})
    assert len(str(found.value)) < 250
    with pytest.raises(ConfigError, match="unknown country of --holidays 'USX'"):
        with_holidays(_grid(pd.date_range("2024-06-24", periods=9, unit="us")), "USX", 1)
    counted = check(pd.DataFrame({"unique_id": "a", "ds": range(9), "y": 1.0}), Roles()).grids[0]
    with pytest.raises(ConfigError, match="found integers"):
        with_holidays(counted, "US", 1)
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(MissingPackage, match="--holidays needs the package 'holidays'"):
        with_holidays(_grid(pd.date_range("2024-06-24", periods=9, unit="us")), "US", 1)
