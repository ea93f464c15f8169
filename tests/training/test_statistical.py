"""Methods of statsforecast behind the contract of a model: their own numbers, at every cutoff, from nothing after it."""

import sys
import warnings
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.errors import ConfigError, MissingPackage
from forecaster.models._statistical import Statistical
from forecaster.series import synthetic
from forecaster.training.whole import Whole

NAMES = ["auto_ets", "theta", "mstl"]
HORIZON, TEST = 6, 30


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    frame = synthetic.seasonal(3, 180, noise=0.5, seed=4)
    return frame.assign(y=frame["y"] + 40)


@pytest.fixture
def library() -> Any:
    """What the models are made of. Skips where it is not installed."""
    return pytest.importorskip(
        "statsforecast.models", reason="NOT TESTED: statsforecast is missing; uv pip install -e '.[stats]'"
    )


def _method(library: Any, name: str) -> Any:
    ets = library.AutoETS(model="ZZN")
    return {
        "auto_ets": lambda: library.AutoETS(season_length=24),
        "theta": lambda: library.DynamicOptimizedTheta(season_length=24),
        "mstl": lambda: library.MSTL(season_length=[24], trend_forecaster=ets),
    }[name]()


def _values(frame: pd.DataFrame) -> list[Any]:
    return [part.to_numpy() for _, part in frame.groupby("unique_id")["y"]]


def _medians(rows: pd.DataFrame, cutoffs: int) -> Any:
    """[series, cutoffs, HORIZON]"""
    ordered = rows.sort_values(["unique_id", "cutoff", "ds"])
    return ordered["q0.5"].to_numpy().reshape(3, cutoffs, HORIZON)


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_is_the_methods_own(frame: pd.DataFrame, library: Any, name: str) -> None:
    """After the last row: what statsforecast says of all rows."""
    rows = api.predict(api.fit(frame, horizon=HORIZON, model=name, season=[24]), frame)
    expected = [_method(library, name).forecast(y=y, h=HORIZON)["mean"] for y in _values(frame)]
    np.testing.assert_allclose(_medians(rows, 1)[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_backtest_applies_the_training_rows_parameters(frame: pd.DataFrame, library: Any, name: str) -> None:
    """From later cutoffs: statsforecast's `forward` of a fit to the training rows."""
    asked = {"horizon": HORIZON, "season": [24], "model": name, "stride": 8}
    rows, _ = api.backtest(frame, test_size=TEST, **asked)
    whole = rows.groupby(["unique_id", "cutoff"]).filter(lambda part: len(part) == HORIZON)
    for y, found in zip(_values(frame), _medians(whole, 4), strict=True):
        fitted = _method(library, name).fit(y=y[:-TEST])
        expected = [fitted.predict(h=HORIZON)["mean"]]
        expected += [fitted.forward(y=y[: len(y) - TEST + later], h=HORIZON)["mean"] for later in (8, 16, 24)]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_refits_fit_the_parameters_again(frame: pd.DataFrame, library: Any) -> None:
    """--refit-every: each cutoff's forecast is that of a method fitted to all rows up to it."""
    asked = {"horizon": HORIZON, "season": [24], "model": "theta", "stride": 8}
    rows, _ = api.backtest(frame, test_size=TEST, refit_every=8, **asked)
    whole = rows.groupby(["unique_id", "cutoff"]).filter(lambda part: len(part) == HORIZON)
    for y, found in zip(_values(frame), _medians(whole, 4), strict=True):
        ends = [len(y) - TEST + later for later in (0, 8, 16, 24)]
        expected = [_method(library, "theta").forecast(y=y[:end], h=HORIZON)["mean"] for end in ends]
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_intervals_cover_a_random_walk(library: Any) -> None:
    """Calibrated ones of exponential smoothing, on series of its own kind."""
    random = np.random.default_rng(0)
    frame = pd.concat(
        synthetic.seasonal(1, 200).assign(unique_id=f"w{n}", y=100 + random.standard_normal(200).cumsum())
        for n in range(8)
    )
    _, scores = api.backtest(frame, horizon=5, model="auto_ets", stride=5, season=[1])
    assert 0.7 < scores.loc["auto_ets", "coverage80"] < 0.9


def test_a_series_too_short_for_the_method_has_seasonal_naive(frame: pd.DataFrame, library: Any) -> None:
    """Two seasons and a value are the least; the others are forecast as without it."""
    short = frame[frame["unique_id"] == "s0"].head(40).assign(unique_id="short")
    model = api.fit(frame, horizon=HORIZON, model="theta", season=[24])
    rows = api.predict(model, pd.concat([frame, short]))
    own = rows[rows["unique_id"] == "short"]["q0.5"].to_numpy()
    np.testing.assert_allclose(own, short["y"].to_numpy()[-24:][:HORIZON], rtol=1e-5)
    np.testing.assert_allclose(rows["q0.5"][: 3 * HORIZON], api.predict(model, frame)["q0.5"])


def test_a_series_that_the_method_fails_on_has_seasonal_naive(
    frame: pd.DataFrame, library: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And it is told."""

    def fails(self: Statistical, y: Any) -> Any:
        raise RuntimeError("no optimum")

    monkeypatch.setattr(Statistical, "fitted", fails)
    rows = api.predict(api.fit(frame, horizon=HORIZON, model="theta", season=[24]), frame)
    np.testing.assert_allclose(_medians(rows, 1)[:, 0], [y[-24:][:HORIZON] for y in _values(frame)], rtol=1e-5)
    assert "theta failed: no optimum; seasonal naive stands in" in caplog.text


def test_a_method_that_failed_is_tried_again_when_the_series_has_doubled() -> None:
    """So a forecast from a late cutoff is no worse for having asked for one from an early cutoff, too."""

    def fitted(y: Any) -> int:
        if len(y) < 12:
            raise ValueError("too few values")
        return len(y)

    method: Any = SimpleNamespace(rows_least=5, rows_most=100, fitted=fitted, forecast=lambda *_: np.full((2, 13), 7.0))
    panel: Any = SimpleNamespace(starts_S=torch.tensor([0]), begins_S=torch.tensor([0]), y_N=torch.arange(60.0))
    artefact: Any = SimpleNamespace(
        plan=SimpleNamespace(model="theta"), calibration=SimpleNamespace(apply=lambda numbers: numbers)
    )

    def medians(*cutoffs: int) -> list[float]:
        walk = Whole(artefact, method, panel)
        naive = np.zeros((len(cutoffs), 2, 13))
        return walk.quantiles(np.zeros(len(cutoffs), np.int64), np.array(cutoffs), naive)[:, 0, 6].tolist()

    assert medians(50) == [7.0]
    assert medians(10, 15, 50) == [0.0, 0.0, 7.0]


def test_it_can_be_one_of_an_ensemble(frame: pd.DataFrame, library: Any) -> None:
    """The median of two is their mean."""
    asked = {"horizon": HORIZON, "season": [24], "test_size": TEST, "stride": 7}
    both, one, two = (api.backtest(frame, model=m, **asked)[0] for m in ("theta,best_naive", "theta", "best_naive"))
    np.testing.assert_allclose(both["q0.5"], (one["q0.5"] + two["q0.5"]) / 2, rtol=1e-5)


def test_only_the_last_rows_are_read(frame: pd.DataFrame, library: Any) -> None:
    """--set rows: what lies further back changes nothing."""
    asked = {"horizon": HORIZON, "model": "theta", "season": [24], "settings": {"rows": 100}}
    early = frame.groupby("unique_id").cumcount() < 80
    other = frame.assign(y=frame["y"].where(~early, 3 * frame["y"]))
    one, two = (api.predict(api.fit(each, **asked), each)["q0.5"] for each in (frame, other))
    np.testing.assert_allclose(one, two, rtol=1e-5)
    assert not np.allclose(one, api.predict(api.fit(other, **{**asked, "settings": {}}), other)["q0.5"])


def test_mstl_wants_a_long_season(frame: pd.DataFrame, library: Any) -> None:
    """Or several; elsewhere there is nothing to take apart."""
    with pytest.raises(ConfigError, match="needs several seasons, or one above 12 steps; found only one of 7 steps"):
        api.fit(frame, horizon=HORIZON, model="mstl", season=[7])


def test_a_missing_package_is_named_with_the_command(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any work; in a leaderboard the other models go on."""
    monkeypatch.setitem(sys.modules, "statsforecast", None)
    message = r"model 'theta' needs the package 'statsforecast', which is not installed. Install it with: pip install '"
    with pytest.raises(MissingPackage, match=message):
        api.fit(frame, horizon=HORIZON, model="theta")
    with pytest.warns(UserWarning, match="skip: model theta: model 'theta' needs the package"):
        table = api.leaderboard(frame, horizon=HORIZON, models=["theta", "drift"], stride=5)
    assert set(table.index) == {"drift", "seasonal_naive"}


@pytest.mark.parametrize("name", ["auto_ets", "theta"])
def test_equal_values_cost_no_warning(library: Any, name: str) -> None:
    """Of the library's own arithmetic, which a user can do nothing about."""
    frame = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=60, freq="MS"), "y": 1250.0})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        api.predict(api.fit(frame, horizon=HORIZON, model=name), frame)
    assert not [warning for warning in said if warning.category is RuntimeWarning]
