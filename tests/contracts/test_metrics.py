"""What every metric promises, and their numbers beside another program's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from utilsforecast import losses

from forecaster import plugins
from forecaster.columns import LEVELS, quantile_column
from forecaster.metrics.base import Case, Metric

METRICS = plugins.names("metrics")


def _case(seed: int = 0, n: int = 6, horizon: int = 4) -> Case:
    random = np.random.default_rng(seed)
    y = random.uniform(1, 10, (n, horizon))
    quantiles = np.sort(y[..., None] + random.standard_normal((n, horizon, len(LEVELS))), axis=-1)
    steps = random.uniform(0.5, 2, (n, 2))
    return Case(y, quantiles.mean(-1), quantiles, steps.mean(1), (steps**2).mean(1))


def _some(case: Case, chosen: "list[int] | slice") -> Case:
    return Case(*(getattr(case, name)[chosen] for name in ("y", "mean", "quantiles", "scale", "square_scale")))


def _point(y: float, forecast: float) -> Case:
    """One value, and a forecast all of whose quantiles are the same."""
    quantiles = np.full((1, 1, len(LEVELS)), forecast)
    return Case(np.array([[y]]), np.array([[forecast]]), quantiles, np.ones(1), np.ones(1))


def _value(name: str, case: Case) -> float:
    metric: type[Metric] = plugins.load("metrics", name)
    return metric.value(case)


@pytest.mark.parametrize("name", METRICS)
def test_parts_sum_to_the_whole(name: str) -> None:
    """Terms and weights of halves add up, so a metric can be kept up as forecasts are made."""
    metric: type[Metric] = plugins.load("metrics", name)
    case = _case()
    halves = [_some(case, slice(0, 2)), _some(case, slice(2, 6))]
    terms, weights = (sum(np.nansum(metric.terms(half)[k]) for half in halves) for k in (0, 1))
    assert metric.finish(float(terms / weights)) == pytest.approx(metric.value(case))


@pytest.mark.parametrize("name", METRICS)
def test_missing_truths_count_for_nothing(name: str) -> None:
    """A row of NaN may as well not be there."""
    case = _case()
    y = case.y.copy()
    y[3] = np.nan
    assert _value(name, replace(case, y=y)) == pytest.approx(_value(name, _some(case, [0, 1, 2, 4, 5])))


@pytest.mark.parametrize("name", METRICS)
def test_nothing_to_judge_gives_no_number(name: str) -> None:
    """NaN, and no warning."""
    case = _case()
    assert np.isnan(_value(name, replace(case, y=np.full_like(case.y, np.nan))))


@pytest.mark.parametrize("name", ["bias", "mase", "msis", "rmsse"])
@pytest.mark.parametrize("none", [0.0, np.nan])
def test_a_series_without_a_scale_is_left_out_of_scaled_metrics(name: str, none: float) -> None:
    """Whether its training part never moved, or had no seasonal step at all."""
    case = _case()
    scale, square = case.scale.copy(), case.square_scale.copy()
    scale[3] = square[3] = none
    without = _value(name, _some(case, [0, 1, 2, 4, 5]))
    assert _value(name, replace(case, scale=scale, square_scale=square)) == pytest.approx(without)


@pytest.mark.parametrize("name", [name for name in METRICS if not name.startswith("coverage")])
def test_a_forecast_that_is_right_has_the_ideal_value(name: str) -> None:
    """All mass on the truth leaves no error of any kind."""
    assert _value(name, _point(3.0, 3.0)) == plugins.load("metrics", name).ideal


def _frames(case: Case) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Forecasts, and a training part with the scales of the case, as long frames."""
    n, horizon = case.y.shape
    frame = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(n), horizon), "ds": np.tile(np.arange(horizon), n), "y": case.y.ravel()}
    )
    frame["model"] = case.median.ravel()
    frame["mean"] = case.mean.ravel()
    frame["model-lo-95"], frame["model-hi-95"] = case.quantile(0.025).ravel(), case.quantile(0.975).ravel()
    for q, level in enumerate(LEVELS):
        frame[quantile_column(level)] = case.quantiles[..., q].ravel()
    apart = np.sqrt(case.square_scale - case.scale**2)  # steps of scale - apart and scale + apart
    steps = np.stack([np.zeros(n), case.scale - apart, 2 * case.scale], axis=1)
    train = pd.DataFrame({"unique_id": np.repeat(np.arange(n), 3), "ds": np.tile([-3, -2, -1], n), "y": steps.ravel()})
    return frame, train


def test_numbers_equal_those_of_utilsforecast() -> None:
    """Over series of like length the mean of another program's; its smape is a fraction of 2."""
    case = _case(1)
    frame, train = _frames(case)

    def theirs(loss: pd.DataFrame, column: str) -> float:
        return float(loss[column].mean())

    value = {name: _value(name, case) for name in METRICS}
    assert value["mae"] == pytest.approx(theirs(losses.mae(frame, ["model"]), "model"))
    assert value["smape"] == pytest.approx(200 * theirs(losses.smape(frame, ["model"]), "model"))
    squares = theirs(losses.mse(frame, ["mean"]), "mean")
    assert value["mse"] == pytest.approx(squares)
    assert value["rmse"] == pytest.approx(np.sqrt(squares))
    assert value["mase"] == pytest.approx(theirs(losses.mase(frame, ["model"], 1, train), "model"))
    assert value["rmsse"] == pytest.approx(np.sqrt(theirs(losses.msse(frame, ["mean"], 1, train), "mean")))


@pytest.mark.parametrize("s", range(6))
def test_numbers_of_one_series_equal_those_of_utilsforecast(s: int) -> None:
    """Where ours weighs series otherwise than another program does, one series has no weight to differ in."""
    case = _some(_case(2), slice(s, s + 1))
    frame, train = _frames(case)
    assert _value("rmsse", case) == pytest.approx(losses.rmsse(frame, ["mean"], 1, train)["mean"][0])
    assert _value("wape", case) == pytest.approx(losses.wape(frame, ["model"])["model"][0])
    assert _value("bias", case) == pytest.approx(losses.bias(frame, ["mean"])["mean"][0] / case.scale[0])
    score = losses.winkler_score(frame, ["model"], 95)["model"][0]
    assert _value("msis", case) == pytest.approx(score / case.scale[0])


def test_crps_weighs_the_quantile_losses_of_utilsforecast() -> None:
    """Each level by half the way to its neighbours, and the outermost by all that is beyond them."""
    case = _case(3)
    frame, _ = _frames(case)
    shares = [0.0375, 0.0375, 0.075, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.075, 0.0375, 0.0375]
    parts = [losses.quantile_loss(frame, {"model": quantile_column(level)}, level)["model"].mean() for level in LEVELS]
    assert _value("crps", case) == pytest.approx(2 * np.dot(shares, parts))


@pytest.mark.parametrize("y", [-2.0, 3.0, 7.5])
def test_crps_of_a_point_is_its_absolute_error(y: float) -> None:
    """Gneiting and Raftery (2007), section 4.2."""
    assert _value("crps", _point(y, 3.0)) == pytest.approx(abs(y - 3.0))


@pytest.mark.parametrize("y", [-3.0, -0.7, 0.0, 0.4, 1.0, 2.2, 6.0])
def test_crps_of_a_normal_distribution_is_near_its_closed_form(y: float) -> None:
    """Within 2.1 % for N(0, 1): Gneiting and Raftery (2007), section 4.2."""
    quantiles = norm.ppf(LEVELS)[None, None]
    case = Case(np.array([[y]]), np.zeros((1, 1)), quantiles, np.ones(1), np.ones(1))
    closed = y * (2 * norm.cdf(y) - 1) + 2 * norm.pdf(y) - 1 / np.sqrt(np.pi)
    assert _value("crps", case) == pytest.approx(closed, rel=0.021)


def test_bias_has_the_sign_of_the_forecasts_error() -> None:
    """Too high by 2 in series that step by 4 is half a step; too low is the same below zero."""
    high, low = (replace(_point(10.0, forecast), scale=np.array([4.0])) for forecast in (12.0, 8.0))
    assert (_value("bias", high), _value("bias", low)) == (0.5, -0.5)


def test_weighted_quantile_loss_by_hand() -> None:
    """One value 10, every quantile 8: twice the pinball loss is 2 * 2 * level, its mean over deciles 2, over 10."""
    assert _value("wql", _point(10.0, 8.0)) == pytest.approx(0.2)


def test_coverage_by_hand() -> None:
    """Two of four values lie from the 0.1 to the 0.9 quantile."""
    quantiles = np.tile(np.array(LEVELS), (4, 1, 1))
    case = Case(np.array([[0.05], [0.1], [0.5], [0.95]]), np.zeros((4, 1)), quantiles, np.ones(4), np.ones(4))
    assert _value("coverage80", case) == 0.5
