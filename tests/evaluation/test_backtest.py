"""A backtest's table against another program, on the rows that it wrote."""

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses

from forecaster import api
from forecaster.evaluation.backtest import seasonal_scale
from forecaster.evaluation.compare import compare
from forecaster.scoring.tables import forecast_rows
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles


def test_scaled_metrics_of_a_backtest_equal_those_of_utilsforecast() -> None:
    """Scales are those of the rows before the test part, at the season of MASE."""
    frame, parts, test = synthetic.seasonal(3, 200, season=24, noise=0.5), [], 30
    _, boards = compare(
        check(frame, Roles()),
        model="seasonal_naive",
        horizon=5,
        test_size=test,
        keep=lambda grid, part: parts.append(forecast_rows(grid, part, until=grid.lengths - 1)),
    )
    ours = boards["seasonal_naive"].by_series().set_index("unique_id")
    rows = pd.concat(parts).merge(frame, on=["unique_id", "ds"]).drop(columns="cutoff")
    train = frame.groupby("unique_id").head(200 - test)
    mase = losses.mase(rows, ["q0.5"], 24, train).set_index("unique_id")["q0.5"]
    rmsse = losses.rmsse(rows, ["mean"], 24, train).set_index("unique_id")["mean"]
    np.testing.assert_allclose(ours["mase"], mase[ours.index], rtol=1e-5)  # rows are float32
    np.testing.assert_allclose(ours["rmsse"], rmsse[ours.index], rtol=1e-5)


def test_metrics_by_series_name_series_and_channel_as_forecasts_do() -> None:
    """`unique_id` and, with several targets, `channel`: what joins them with the rows of forecasts."""
    frame = synthetic.seasonal(2, 60).assign(z=1.0)
    _, boards = compare(check(frame, Roles(targets=("y", "z"))), model="seasonal_naive", horizon=3)
    found = boards["seasonal_naive"].by_series()
    assert list(found.columns[:2]) == ["unique_id", "channel"]
    assert found[["unique_id", "channel"]].to_numpy().tolist() == [[s, c] for s in ("s0", "s1") for c in "yz"]


def test_seasonal_scales_by_hand() -> None:
    """Values 1, 4, 2, 8, 0 step by season 2 by 1 and 4 within the first four; a gap has no step."""
    ds = pd.date_range("2024-01-01", periods=5, freq="h")
    full = pd.DataFrame({"unique_id": "a", "ds": ds, "y": [1.0, 4.0, 2.0, 8.0, 0.0]})
    gap = full.assign(unique_id="b", y=[1.0, np.nan, 2.0, 8.0, 0.0])
    none = full.assign(unique_id="c").head(2)
    grid = check(pd.concat([full, gap, none]), Roles(), freq="h").grids[0]
    ends = np.array([4, 4, 2])
    assert seasonal_scale(grid, ends, 2) == pytest.approx([2.5, 1.0, np.nan], nan_ok=True)
    assert seasonal_scale(grid, ends, 2, power=2) == pytest.approx([8.5, 1.0, np.nan], nan_ok=True)


@pytest.mark.slow
def test_the_python_door_backtests_with_what_is_known_ahead() -> None:
    """A feature that makes most of y: its forecasts are twice as good with it."""
    frame = synthetic.seasonal(2, 200, season=24, noise=0.2)
    frame["x"] = np.random.default_rng(0).normal(size=len(frame))
    frame["y"] += 2 * frame["x"]
    asked = {"horizon": 2, "test_size": 30, "model": "lstm", "settings": {"steps": 150, "size": "s"}}
    _, without = api.backtest(frame, **asked)
    _, with_it = api.backtest(frame, future=["x"], **asked)
    assert with_it.loc["lstm", "mase"] < without.loc["lstm", "mase"] / 2
