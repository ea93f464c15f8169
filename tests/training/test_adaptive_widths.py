"""Widths follow a series' late errors, and only those that were known."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from forecaster import api
from forecaster.columns import LEVELS
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.adaptive_widths import AdaptiveWidths
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from forecaster.training.walk import walk
from tests.quick import quick

HORIZON, ROWS = 4, 400


def _taught(size: float, random: np.random.Generator) -> AdaptiveWidths:
    """After standard normal forecasts of errors that are `size` times as large."""
    widths = AdaptiveWidths(1, ROWS, HORIZON)
    at = np.arange(ROWS - 1)
    quantiles = torch.as_tensor(norm.ppf(LEVELS)).expand(len(at), HORIZON, -1)
    targets = torch.as_tensor(size * random.standard_normal((len(at), HORIZON)))
    widths.learn(np.zeros(len(at), int), at, quantiles, targets, torch.ones(len(at), HORIZON, dtype=torch.bool))
    return widths


@pytest.mark.parametrize("size", [0.5, 1.0, 2.0])
def test_widths_go_towards_the_size_of_errors(size: float, random: np.random.Generator) -> None:
    """Right widths stay; wrong ones are mended in part, for a few horizons of errors are not much."""
    widths = _taught(size, random)
    at = np.arange(100, ROWS)
    factor = float(widths.factors(np.zeros(len(at), int), at).mean())
    looked_back, prior = 8, 2  # horizons
    assert factor == pytest.approx((prior + looked_back * size) / (prior + looked_back), rel=0.1)


def test_nothing_is_known_at_the_beginning(random: np.random.Generator) -> None:
    """The first cutoff has no error behind it."""
    assert _taught(3.0, random).factors(np.array([0]), np.array([0])).tolist() == [1.0]


def test_a_factor_does_not_depend_on_the_cutoffs_asked_for() -> None:
    """From the last cutoff alone, or from every third on the way there, the same forecast."""
    grid = check(synthetic.seasonal(3, 300, noise=0.4), Roles()).grids[0]
    artefact = fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=12, settings=quick()))
    ends = grid.lengths - 1

    def last(first: int, stride: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        parts = list(walk(artefact, grid, np.full_like(ends, first), ends, stride=stride, adaptive=True))
        return np.stack([p.quantiles[(p.series == 1) & (p.cutoffs == 299)] for p in parts if (p.series == 1).any()])

    np.testing.assert_allclose(last(299, 1), last(299 - 120, 3), rtol=1e-6)


def test_a_series_that_became_restless_gets_wider_intervals() -> None:
    """By the setting `adaptive`, at a door."""
    frame = synthetic.seasonal(1, 600, noise=0.1)
    noise = np.random.default_rng(0).standard_normal(len(frame))
    frame["y"] += np.where(np.arange(len(frame)) >= 480, 1.5, 0.0) * noise
    settings = quick(steps=40)
    covers = []
    for adaptive in (True, False):
        _, scores = api.backtest(
            frame, horizon=6, test_size=140, model="lstm", settings={**settings, "adaptive": adaptive}
        )
        covers.append(scores.loc["lstm", "coverage80"])
    assert covers[0] > covers[1] + 0.1
