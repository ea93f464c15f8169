"""segrnn's learnt cycle: a table that the calendar points into."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.layers.cycle import Cycle
from forecaster.scoring.forecaster import Forecaster
from forecaster.series import frequency
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.stepping import Stepping
from forecaster.training.walk import last_forecasts
from tests.quick import quick

SHAPE = np.random.default_rng(5).standard_normal(24).cumsum()


def _frame(begins: list[int], rows: int, noise: float = 0.1) -> pd.DataFrame:
    """Series that have the hours of the day in common, each from its own hour on."""
    random, parts = np.random.default_rng(1), []
    for n, begin in enumerate(begins):
        ds = pd.Timestamp("2024-01-01") + pd.to_timedelta(begin + np.arange(rows), unit="h")
        y = SHAPE[ds.hour] + noise * random.standard_normal(rows)
        parts.append(pd.DataFrame({"unique_id": f"s{n}", "ds": ds.as_unit("us"), "y": y}))
    return pd.concat(parts, ignore_index=True)


@cache
def _model(cycle: int) -> Forecaster:
    settings = quick("segrnn", steps=150, rows=16, lr=0.01, cycle=cycle)
    return api.fit(_frame(list(range(0, 200, 5)), 40), horizon=12, model="segrnn", season=[24], settings=settings)


def _errors(model: Forecaster) -> np.ndarray:
    """Of forecasts for series of thirteen rows, from every hour on."""
    begins = list(range(300, 324))
    rows = api.predict(model, _frame(begins, 13))
    return np.abs(rows["q0.5"] - SHAPE[rows["ds"].dt.hour]).to_numpy().reshape(24, 12).mean(1)


@pytest.mark.slow
def test_a_series_of_half_a_season_has_the_cycle() -> None:
    """Whatever hour it begins at, better than without the table."""
    with_table, without = _errors(_model(24)), _errors(_model(0))
    assert with_table.mean() < 0.85 * without.mean()
    assert (with_table < without).mean() > 0.6


@pytest.mark.slow
def test_a_cycle_steps_like_the_pass() -> None:
    """Value by value from stored state, the place in the table goes on."""
    artefact = _model(24).members[0]
    frame = _frame([7, 7], 60)
    grid, early = (check(rows, Roles()).grids[0] for rows in (frame, frame[frame.groupby("unique_id").cumcount() < 50]))
    carried = Stepping.begin(artefact, early)
    for row in range(50, 60):
        found = carried.step(np.array([grid.values(s)[row] for s in range(2)]))
    np.testing.assert_allclose(found.quantiles, last_forecasts(artefact, grid, device="cpu").quantiles, atol=1e-4)


def test_the_table_is_read_from_each_step_on() -> None:
    """Row t begins with the value at its own step; static features add their own table."""
    cycle = Cycle(5, 2)
    with torch.no_grad():
        cycle.shared.copy_(torch.arange(5.0))
        assert cycle.own is not None
        cycle.own.weight[:, 0] = 10
        found = cycle(torch.tensor([3, -1]), torch.tensor([[0.0, 1.0], [1.0, 0.0]]), 2)
    assert found[0].tolist() == [[3, 4, 0, 1, 2], [4, 0, 1, 2, 3]]
    assert found[1].tolist() == [[14, 10, 11, 12, 13], [10, 11, 12, 13, 14]]


@pytest.mark.parametrize("alias", ["15min", "h", "D", "B", "W-WED", "MS", "QE", "int", "3int"])
def test_a_step_has_one_number_in_all_series(alias: str) -> None:
    """However a series begins: numbers go up by one, and the same time has the same."""
    one = frequency.parse(alias)
    begin = 7 if one.kind == "integer" else int(np.datetime64("2023-11-29", "us").astype(np.int64))
    times = one.times(np.full(40, begin), np.arange(40))
    numbers = one.numbers(times)
    assert np.diff(numbers).tolist() == [1] * 39
    later = one.times(np.full(10, times[9]), np.arange(10))
    np.testing.assert_array_equal(one.numbers(later), numbers[9:19])
