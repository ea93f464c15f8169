"""Several models on the same cutoffs: the order, how sure it is, and what it took."""

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.evaluation.compare import judge, train_test_split
from forecaster.evaluation.leaderboard import Leaderboard, rank
from forecaster.models.drift import Drift
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from tests.quick import quick

ASKED = {"horizon": 4, "stride": 3}
SETTINGS = quick("linear", steps=60)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return synthetic.seasonal(9, 150, noise=0.3, seed=4)


@pytest.fixture(scope="module")
def found(frame: pd.DataFrame) -> Leaderboard:
    part = train_test_split(check(frame, Roles()), horizon=4, test_size=40)
    return rank(part, ["drift", "linear", "best-naive", "drift"], **ASKED, settings=SETTINGS)


def test_models_are_ordered_by_the_metric(found: Leaderboard, frame: pd.DataFrame) -> None:
    """Each once, seasonal naive too; on a season without a trend the drift is last. Each metric that of its backtest."""
    table = found.table()
    assert set(table.index) == {"drift", "linear", "best_naive", "seasonal_naive"}
    assert table.index[-1] == "drift"
    assert table["mase"].is_monotonic_increasing
    _, scores = api.backtest(frame, model="drift", test_size=40, settings=SETTINGS, **ASKED)
    pd.testing.assert_series_equal(table.loc["drift", scores.columns].astype(float), scores.loc["drift"])


def test_ratios_are_beside_seasonal_naive_and_say_who_is_like_the_best(found: Leaderboard) -> None:
    """Intervals hold the ratio; the best is called so, and whose interval beside it holds 1 is not told from it."""
    table = found.table()
    np.testing.assert_allclose(table["of_naive"], table["mase"] / table.loc["seasonal_naive", "mase"])
    assert (table["of_naive_low"] <= table["of_naive"]).all()
    assert (table["of_naive"] <= table["of_naive_high"]).all()
    assert table["beside_best"].iloc[0] == "best"
    assert table.loc["drift", "beside_best"] == "worse"
    twice = Leaderboard("mase", {"one": found.judged["linear"], **found.judged, "same": found.judged["linear"]}, {})
    assert twice.table().loc["same", "beside_best"] == "not distinguishable"


def test_a_leaderboard_says_what_each_model_took(found: Leaderboard) -> None:
    """Processor seconds of training and forecasting; weights, of which a naive forecast has none."""
    table = found.table()
    assert (table[["training_s", "forecasting_s"]] > 0).all().all()
    assert table.loc["linear", "training_s"] > table.loc["drift", "training_s"]
    assert table.loc["linear", "weights"] == found.judged["linear"].forecaster.artefacts[0].network.weights
    assert table.loc["drift", "weights"] == 0


def test_refits_count_as_training(frame: pd.DataFrame) -> None:
    """Their seconds are not those of forecasting."""
    part = train_test_split(check(frame, Roles()), horizon=4, test_size=40)
    once, often = (
        judge(part, model="linear", **ASKED, settings=quick("linear"), refit_every=every) for every in (None, 10)
    )
    assert len(often.refits) == 3
    assert often.training_s > 2 * once.training_s
    assert 0 < often.forecasting_s < often.training_s


@pytest.mark.parametrize("by", ["rmse", "crps"])
def test_other_metrics_order_too(frame: pd.DataFrame, by: str) -> None:
    """A ratio is that of the metric itself, of a root too."""
    table = api.leaderboard(frame, models=["drift", "best_naive"], by=by, test_size=40, **ASKED)
    assert table.columns[0] == by
    assert table[by].is_monotonic_increasing
    np.testing.assert_allclose(table["of_naive"], table[by] / table.loc["seasonal_naive", by])
    assert (table["of_naive_low"] <= table["of_naive"]).all()


def test_one_that_fails_stops_no_other(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not in the table, and its reason is told."""

    def broken(*_: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(Drift, "decode", broken)
    with pytest.warns(UserWarning, match="skip: model drift: RuntimeError: boom"):
        table = api.leaderboard(frame, models=["drift", "best_naive"], test_size=40, **ASKED)
    assert set(table.index) == {"best_naive", "seasonal_naive"}
    with pytest.raises(ConfigError, match=r"no model could be judged\. drift: RuntimeError: boom"):
        api.leaderboard(frame, models=["drift"], test_size=40, **ASKED)


def test_an_ensemble_can_be_one_of_them(frame: pd.DataFrame) -> None:
    """With a plus; a setting that only one model has reaches that one."""
    models = ["best_naive+drift", "best_naive"]
    settings = {"horizons": 1.0}
    table = api.leaderboard(frame, models=[*models, "drift"], test_size=40, settings=settings, **ASKED)
    _, scores = api.backtest(frame, model="best_naive,drift", settings=settings, test_size=40, **ASKED)
    assert table.loc["best_naive+drift", "mase"] == scores.loc["best_naive,drift", "mase"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"models": ["lstm", "lsmt"]}, "unknown model 'lsmt'. Did you mean 'lstm'"),
        ({"by": "mese"}, "Did you mean 'mse'"),
        ({"by": "coverage80"}, "unknown metric to order by, 'coverage80'"),
        ({"stride": 0}, "best_naive, linear: stride must be at least 1|seasonal_naive: stride must"),
        ({"settings": {"hiden": 3}}, "unknown setting 'hiden'"),
    ],
)
def test_what_is_wrong_for_all_is_told(frame: pd.DataFrame, wrong: dict[str, object], message: str) -> None:
    """A name, a metric that says no size of errors, a setting that no model has."""
    with pytest.raises(ConfigError, match=message):
        api.leaderboard(frame, **{"horizon": 4, "models": ["best_naive", "linear"], **wrong})
