"""Forecasts of series that a network cannot say anything about: as wide as these series move."""

import numpy as np
import pandas as pd
import pytest

from forecaster.columns import LEVELS
from forecaster.scoring import fallback
from forecaster.series.frame import check
from forecaster.series.grid import Floats
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles
from forecaster.training.walk import Forecasts

HOURS = pd.date_range("2024-01-01", periods=300, freq="h")


def _series(name: str, values: Floats) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": HOURS[-len(values) :], "y": values})


def _widths(*weak: pd.DataFrame, beside: float = 1.0) -> dict[str, Floats]:
    """80 % widths of the last step of weak series beside four of noise around 0, of some size, or none."""
    noise = beside * np.random.default_rng(0).normal(size=(4, 300))
    others = [_series(f"n{k}", values) for k, values in enumerate(noise) if beside]
    grid = check(pd.concat([*others, *weak]), Roles()).grids[0]
    normal_Q = np.array([-1.96, -1.64, -1.28, -0.84, -0.52, -0.25, 0, 0.25, 0.52, 0.84, 1.28, 1.64, 1.96])
    assert len(normal_Q) == len(LEVELS)
    middles = np.array([0.01, -0.02, 0.0, 0.3] if beside else []).tolist() + [0.0] * len(weak)
    quantiles = (np.array(middles)[:, None, None] + beside * normal_Q).repeat(2, axis=1)
    forecasts = Forecasts(np.arange(grid.series), grid.lengths - 1, quantiles)
    why = fallback.reasons(grid, grid.lengths, 5)
    found = fallback.replace(forecasts, grid, why, Quality()).quantiles
    low, high = (found[:, -1, LEVELS.index(level)] for level in (0.1, 0.9))
    return {str(grid.unique_id[s]): high[s] - low[s] for s in why}


def test_a_constant_hardly_moves_whatever_stands_beside_it() -> None:
    """Series around 0, whose forecasts are far wider than their level, are no measure; at 0 it has a width, too."""
    widths = _widths(_series("flat", np.full(300, 20.0)), _series("nought", np.zeros(300)))
    assert 0.1 < widths["flat"] < 2
    assert 0 < widths["nought"] < 0.1


def test_a_short_series_is_as_wide_as_it_moves() -> None:
    """Whatever its level, and whether others stand beside it or it is alone, a random walk then."""
    short, wilder = (_series(name, 1000 + size * np.array([0.0, 1.0, -1.0])) for name, size in (("a", 1.0), ("b", 7.0)))
    for size in (0.0, 1.0, 100.0):
        widths = _widths(short, wilder, beside=size)
        assert widths["b"] == pytest.approx(7 * widths["a"])
        assert 2 < widths["a"] < 8


@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_a_single_value_moves_as_others_do_by_their_levels(size: float) -> None:
    """Whatever their units: noise moves by 1.4 of its mean size."""
    assert _widths(_series("one", np.array([20.0])), beside=size)["one"] == pytest.approx(20 * 1.4 * 2.27, rel=0.15)


def test_the_reason_names_other_series_only_where_there_are_any() -> None:
    """Alone it is a random walk."""
    one, other = _series("one", np.array([20.0])), _series("n", np.random.default_rng(0).normal(size=300))
    for frame, spread in (
        (one, "the spread of a random walk"),
        (pd.concat([other, one]), "pooled over the other series"),
    ):
        grid = check(frame, Roles(), freq="h").grids[0]
        assert spread in fallback.reasons(grid, grid.lengths, 5)[grid.series - 1]


def test_values_of_every_other_step_have_a_width() -> None:
    """Networks measure spreads by moves from one step to the next, of which there are none; it was 0, unsaid."""
    values = 20 + np.random.default_rng(1).normal(size=300)
    values[::2] = np.nan
    assert 2 < _widths(_series("sparse", values))["sparse"] < 8
    values[150] = 20.0
    assert not _widths(_series("sparse", values)), "two neighbours are known"
