"""What is known in advance may lie in a second file, and a loaded model reads the columns that it was trained on."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.actions.forecast import forecast
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.series.ahead import with_future
from forecaster.series.frame import check
from forecaster.series.roles import Roles

ROLES = Roles.of(future=["plan"])
PAST = synthetic.seasonal(2, 60, noise=0.3)


def _plan(names: list[str], times: pd.DatetimeIndex) -> pd.DataFrame:
    frames = [pd.DataFrame({"unique_id": name, "ds": times, "plan": np.arange(len(times)) + 0.5}) for name in names]
    return pd.concat(frames, ignore_index=True)


def _all_times(more: int) -> pd.DatetimeIndex:
    return pd.date_range(PAST["ds"].min(), periods=60 + more, freq="h")


def test_known_values_stay_where_the_future_file_has_their_times() -> None:
    """It brings its columns to them, and rows to come."""
    joined = with_future(PAST, _plan(["s0", "s1"], _all_times(5)), ROLES, Path("f"), None)
    grid = check(joined, ROLES).grids[0]
    np.testing.assert_array_equal(grid.y[: len(PAST) // 2], PAST["y"].to_numpy()[: len(PAST) // 2])
    assert len(joined) == len(PAST) + 10
    assert joined["plan"].notna().all()
    assert joined.loc[joined["y"].isna(), "plan"].tolist() == [60.5, 61.5, 62.5, 63.5, 64.5] * 2


def test_the_future_file_may_revise_what_the_table_says() -> None:
    """The newest of a plan counts; where it says nothing the table's stays."""
    ahead = _plan(["s0"], _all_times(2)[58:]).assign(plan=[np.nan, 8, 9, 10])
    joined = with_future(PAST.assign(plan=1), ahead, ROLES, Path("f"), None)
    assert joined[joined["unique_id"] == "s0"]["plan"].tolist() == [1] * 59 + [8, 9, 10]
    assert (joined[joined["unique_id"] == "s1"]["plan"] == 1).all()


def test_times_need_not_be_written_alike() -> None:
    """Texts, zones and times are one time where they say the same."""
    plan = _plan(["s0", "s1"], _all_times(1))
    for ds in (plan["ds"].dt.strftime("%Y-%m-%d %H:%M"), plan["ds"].dt.as_unit("s")):
        joined = with_future(PAST, plan.assign(ds=ds), ROLES, Path("f"), None)
        assert len(joined) == len(PAST) + 2


def test_two_tables_of_one_series_need_no_name(tmp_path: Path) -> None:
    """Neither of them."""
    PAST[:60].drop(columns="unique_id").to_csv(tmp_path / "in.csv", index=False)
    plan = _plan(["s0"], _all_times(3))
    plan.drop(columns="unique_id").to_csv(tmp_path / "future.csv", index=False)
    out = tmp_path / "out.csv"
    asked: dict[str, Any] = {"horizon": 3, "model": "seasonal_naive", "future": ["plan"]}
    forecast(tmp_path / "in.csv", out=out, future_file=tmp_path / "future.csv", **asked)
    assert pd.read_csv(out)["ds"].tolist() == plan["ds"].astype(str).tolist()[-3:]
    plan.to_csv(tmp_path / "future.csv", index=False)
    with pytest.raises(ConfigError, match="has a column 'unique_id', the table has none"):
        forecast(tmp_path / "in.csv", out=out, future_file=tmp_path / "future.csv", **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"targets": ["b"]}, "--targets b: the model of --load was trained with --targets y"),
        ({"future": ["plan"]}, "--future plan: the model of --load was trained without --future"),
        ({"static": ["kind"]}, "--static kind"),
        ({"past": ["wind"]}, "--past wind"),
        ({"set_": {"lr": "1"}}, "--set and --load exclude each other"),
        ({"season": [7]}, "--season and --load"),
    ],
)
def test_what_a_loaded_model_cannot_heed_is_refused(asked: dict[str, Any], message: str, tmp_path: Path) -> None:
    """Rather than left out without a word; what it was trained with may be said again."""
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    PAST.assign(b=1.0).to_csv(path, index=False)
    forecast(path, out=out, horizon=2, model="seasonal_naive", save=tmp_path / "model")
    with pytest.raises(ConfigError, match=message):
        forecast(path, out=out, horizon=2, load=tmp_path / "model", **asked)
    forecast(path, out=out, horizon=2, load=tmp_path / "model", targets=["y"])


def test_a_future_file_has_no_values_to_be_named(tmp_path: Path) -> None:
    """`--columns y=` is about the table; names, times and what is known in advance are called alike in both."""
    theirs = {"unique_id": "meter", "ds": "time", "y": "load", "plan": "weather"}
    PAST.merge(_plan(["s0", "s1"], _all_times(0))).rename(columns=theirs).to_csv(tmp_path / "in.csv", index=False)
    _plan(["s0", "s1"], _all_times(2)).rename(columns=theirs).to_csv(tmp_path / "future.csv", index=False)
    asked: dict[str, Any] = {"horizon": 2, "model": "seasonal_naive", "future": ["plan"]}
    asked["columns"] = [f"{ours}={name}" for ours, name in theirs.items()]
    forecast(tmp_path / "in.csv", out=tmp_path / "out.csv", future_file=tmp_path / "future.csv", **asked)
    assert len(pd.read_csv(tmp_path / "out.csv")) == 4


def test_newer_rows_alone_are_told_to_be_too_few(tmp_path: Path) -> None:
    """A loaded model that looks back further than the file goes says so, and what to give; with all rows it says nothing."""
    path, asked = tmp_path / "in.csv", {"out": tmp_path / "out.csv", "horizon": 2}
    PAST.to_csv(path, index=False)
    forecast(path, model="seasonal_naive", save=tmp_path / "model", **asked)
    assert not [line for line in forecast(path, load=tmp_path / "model", **asked).lines if "look back" in line]
    PAST.groupby("unique_id").tail(5).to_csv(path, index=False)
    said = "\n".join(forecast(path, load=tmp_path / "model", **asked).lines)
    assert "note: forecasts look back on" in said
    assert "the longest series has 5; the others count as missing. Give the rows before these, too" in said
