"""esrnn's seasons: one or two, that add up or multiply."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.scoring.forecaster import Forecaster
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.stepping import Stepping
from forecaster.training.walk import last_forecasts, walk
from tests.quick import quick


def _frame(rows: int = 200) -> pd.DataFrame:
    """Three series with a season of 6 and one of 30, that grow with their level."""
    random, at = np.random.default_rng(0), np.arange(rows)
    short, long = 1 + 0.3 * np.sin(2 * np.pi * at / 6), 1 + 0.3 * np.cos(2 * np.pi * at / 30)
    y = [2 + (10 + n + at / 20) * short * long * (1 + 0.02 * random.standard_normal(rows)) for n in range(3)]
    ds = pd.date_range("2024-01-01", periods=rows, freq="D", unit="us")
    return pd.DataFrame({"unique_id": np.repeat(list("abc"), rows), "ds": [*ds] * 3, "y": np.concatenate(y)})


def _grid(frame: pd.DataFrame) -> Grid:
    return check(frame, Roles()).grids[0]


@cache
def _model(smooth: int, multiply: bool, steps: int = 12) -> Forecaster:
    settings = quick("esrnn", smooth=smooth, multiply=multiply, steps=steps)
    return api.fit(_frame(), horizon=8, model="esrnn", season=[6, 30], settings=settings)


KINDS = [(smooth, multiply) for smooth in (0, 1, 2) for multiply in (False, True)]


@pytest.mark.parametrize(("smooth", "multiply"), KINDS)
def test_every_form_steps_like_the_pass(smooth: int, multiply: bool) -> None:
    """Value by value from stored state; and a value after a cutoff changes nothing there."""
    artefact, frame = _model(smooth, multiply).members[0], _frame()
    grid, early = _grid(frame), _grid(frame[frame.groupby("unique_id").cumcount() < 190])
    carried = Stepping.begin(artefact, early)
    for row in range(190, 200):
        found = carried.step(np.array([grid.values(s)[row] for s in range(3)])).quantiles
    expected = last_forecasts(artefact, grid, device="cpu").quantiles
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.ptp(expected))
    at = np.full(3, 189)
    whole = next(iter(walk(artefact, grid, at, at, adaptive=True, device="cpu")))
    np.testing.assert_allclose(whole.quantiles, last_forecasts(artefact, early, device="cpu").quantiles, rtol=1e-6)


@pytest.mark.parametrize("worst", [0.0, -50.0])
def test_a_series_that_turns_out_not_to_be_positive_breaks_nothing(worst: float) -> None:
    """Parts that multiply count a value as a little above nothing at least."""
    frame = _frame()
    frame.loc[frame["unique_id"] == "b", "y"] = np.where(np.arange(200) > 150, worst, 10.0)
    rows = api.predict(_model(2, True), frame)
    assert np.isfinite(rows.select_dtypes("number")).all().all()


@pytest.mark.slow
def test_two_seasons_that_multiply_are_told_by_smoothing_them() -> None:
    """Where the two seasons make the series, a network of few steps forecasts better with both than with the first."""
    asked: dict[str, Any] = {"horizon": 8, "test_size": 40, "stride": 4, "model": "esrnn", "season": [6, 30]}
    one, two = (
        api.backtest(_frame(400), settings=quick("esrnn", smooth=n, multiply=True, steps=40), **asked)[1]
        for n in (1, 2)
    )
    assert two.loc["esrnn", "mase"] < one.loc["esrnn", "mase"]


def test_three_seasons_are_too_many() -> None:
    """What can be asked for is said."""
    with pytest.raises(ConfigError, match="smooth must be 0, 1 or 2, got 3"):
        _model(3, False)


@pytest.mark.slow
def test_a_pass_from_the_first_row_finds_the_season_at_once() -> None:
    """Plain means until a first window is full: forecasts from the whole past are as good as from a later beginning."""
    artefact, grid = _model(1, False, steps=80).members[0], _grid(_frame())
    last = grid.lengths - 9
    truth = np.stack([grid.values(s)[-8:] for s in range(3)])
    errors = [
        np.abs(next(iter(walk(artefact, grid, last, last, warmup=warmup, device="cpu"))).median - truth).mean()
        for warmup in (None, 40)
    ]
    assert errors[0] < 1.2 * errors[1]
