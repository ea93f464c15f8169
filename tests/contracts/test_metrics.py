"""What every metric promises, and their numbers beside another program's."""

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses

from forecaster import plugins
from forecaster.columns import LEVELS, quantile_column
from forecaster.metrics.base import Case, Metric

METRICS = plugins.names("metrics")


def _case(seed: int = 0, n: int = 6, horizon: int = 4) -> Case:
    random = np.random.default_rng(seed)
    y = random.uniform(1, 10, (n, horizon))
    quantiles = np.sort(y[..., None] + random.standard_normal((n, horizon, len(LEVELS))), axis=-1)
    return Case(y, quantiles.mean(-1), quantiles, random.uniform(0.5, 2, n))


@pytest.mark.parametrize("name", METRICS)
def test_parts_sum_to_the_whole(name: str) -> None:
    """Terms and weights of halves add up, so a metric can be kept up as forecasts are made."""
    metric: type[Metric] = plugins.load("metrics", name)
    case = _case()
    halves = [
        Case(case.y[part], case.mean[part], case.quantiles[part], case.scale[part])
        for part in (slice(0, 2), slice(2, 6))
    ]
    terms, weights = (sum(np.nansum(metric.terms(half)[k]) for half in halves) for k in (0, 1))
    assert metric.finish(float(terms / weights)) == pytest.approx(metric.value(case))


@pytest.mark.parametrize("name", METRICS)
def test_missing_truths_count_for_nothing(name: str) -> None:
    """A row of NaN may as well not be there."""
    metric: type[Metric] = plugins.load("metrics", name)
    case = _case()
    y = case.y.copy()
    y[3] = np.nan
    kept = [0, 1, 2, 4, 5]
    without = Case(case.y[kept], case.mean[kept], case.quantiles[kept], case.scale[kept])
    assert metric.value(Case(y, case.mean, case.quantiles, case.scale)) == pytest.approx(metric.value(without))


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_judge_gives_no_number(name: str) -> None:
    """NaN, and no warning."""
    metric: type[Metric] = plugins.load("metrics", name)
    case = _case()
    assert np.isnan(metric.value(Case(np.full_like(case.y, np.nan), case.mean, case.quantiles, case.scale)))


def _frames(case: Case) -> pd.DataFrame:
    n, horizon = case.y.shape
    frame = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(n), horizon), "ds": np.tile(np.arange(horizon), n), "y": case.y.ravel()}
    )
    frame["model"] = case.median.ravel()
    frame["mean"] = case.mean.ravel()
    for q, level in enumerate(LEVELS):
        frame[quantile_column(level)] = case.quantiles[..., q].ravel()
    return frame


def test_numbers_equal_those_of_utilsforecast() -> None:
    """mae, smape (theirs is a fraction of 2), rmse and mase against another program, series weighing the same."""
    case = _case(1)
    frame = _frames(case)

    def theirs(loss: pd.DataFrame, column: str) -> float:
        return float(loss[column].mean())

    value = {name: plugins.load("metrics", name).value(case) for name in METRICS}
    assert value["mae"] == pytest.approx(theirs(losses.mae(frame, ["model"]), "model"))
    assert value["smape"] == pytest.approx(200 * theirs(losses.smape(frame, ["model"]), "model"))
    squares = theirs(losses.mse(frame, ["mean"]), "mean")
    assert value["rmse"] == pytest.approx(np.sqrt(squares))
    steps = [np.array([0.0, scale]) for scale in case.scale]
    train = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(6), 2), "ds": np.tile([-2, -1], 6), "y": np.concatenate(steps)}
    )
    assert value["mase"] == pytest.approx(theirs(losses.mase(frame, ["model"], 1, train), "model"))


def test_weighted_quantile_loss_by_hand() -> None:
    """One value 10, every quantile 8: twice the pinball loss is 2 * 2 * level, its mean over deciles 2, over 10."""
    case = Case(np.array([[10.0]]), np.array([[8.0]]), np.full((1, 1, len(LEVELS)), 8.0), np.array([1.0]))
    assert plugins.load("metrics", "wql").value(case) == pytest.approx(0.2)


def test_coverage_by_hand() -> None:
    """Two of four values lie from the 0.1 to the 0.9 quantile."""
    quantiles = np.tile(np.array(LEVELS), (4, 1, 1))
    case = Case(np.array([[0.05], [0.1], [0.5], [0.95]]), np.zeros((4, 1)), quantiles, np.ones(4))
    assert plugins.load("metrics", "coverage80").value(case) == 0.5
