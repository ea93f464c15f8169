"""What calibration makes of forecasts whose held-out errors it has seen."""

import numpy as np
import pytest
import torch
from scipy.stats import expon, norm

from forecaster.columns import LEVELS
from forecaster.layers.distribution import mean, pinball
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from tests.quick import quick

ROWS, HORIZON = 4_000, 3
SKEWED = np.tile(expon.ppf(LEVELS), (ROWS, HORIZON, 1))


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(5)


def test_skewness_that_errors_do_not_have_is_not_believed(random: np.random.Generator) -> None:
    wanted = random.normal(np.log(2), 1, (ROWS, HORIZON))
    made = calibrate(SKEWED, wanted, ROWS)
    found = made.apply(torch.tensor(SKEWED)).numpy()
    assert made.skew == 0
    assert mean(found, LEVELS) == pytest.approx(np.log(2), abs=0.1)
    assert mean(SKEWED, LEVELS) == pytest.approx(1, abs=0.1)


def test_skewness_that_errors_have_is_believed(random: np.random.Generator) -> None:
    wanted = random.exponential(1, (ROWS, HORIZON))
    made = calibrate(SKEWED, wanted, ROWS)
    assert made.skew == 1
    assert made.factors == pytest.approx(1, abs=0.2)


def test_both_sides_stay_in_order_and_cover_as_they_say(random: np.random.Generator) -> None:
    wanted = random.standard_t(4, (ROWS, HORIZON))
    found = calibrate(SKEWED - np.log(2), wanted, ROWS).apply(torch.tensor(SKEWED - np.log(2))).numpy()
    assert (np.diff(found, axis=-1) >= 0).all()
    for level in (0.1, 0.9):
        assert (wanted <= found[..., LEVELS.index(level)]).mean() == pytest.approx(level, abs=0.03)


def test_few_held_out_forecasts_make_intervals_wider_than_many_that_say_the_same(random: np.random.Generator) -> None:
    """Few errors cannot show how much too narrow a model is that has learnt from few rows."""
    normal = np.tile(norm.ppf(LEVELS), (ROWS, HORIZON, 1))
    wanted = random.normal(0, 1, (ROWS, HORIZON))
    few, some, many = (calibrate(normal, wanted, origins).factors.mean() for origins in (3, 30, ROWS))
    assert many == pytest.approx(1, abs=0.05)
    assert some == pytest.approx(1.1, abs=0.05)
    assert few == pytest.approx(1.5, abs=0.1)


def test_one_jump_does_not_widen_the_steps_that_reach_over_it(random: np.random.Generator) -> None:
    """Few series of which one jumps: the outer quantiles of the steps that were caught by it stay near the others'."""
    normal = np.tile(norm.ppf(LEVELS), (200, 12, 1))
    wanted = random.normal(0, 1, (200, 12))
    for before in range(12):  # the steps beyond the jump, seen from each of the cutoffs before it
        wanted[before, before:] += 200
    outer = calibrate(normal, wanted, 20).factors[:, -1]
    assert outer.max() < 1.3 * outer.min()


@pytest.mark.parametrize("wanted", [np.nan, 0.0])
def test_forecasts_of_no_width_or_without_errors_keep_what_they_are(wanted: float) -> None:
    flat = np.zeros((5, HORIZON, len(LEVELS)))
    made = calibrate(flat, np.full((5, HORIZON), wanted), 5)
    assert made.skew == 1
    assert (made.apply(torch.tensor(flat)) == 0).all()


def test_what_was_stored_before_skewness_was_judged_believes_it() -> None:
    stored = Calibration.none(HORIZON).to_json()
    del stored["skew"]
    assert Calibration.from_json(stored, np.eye(HORIZON)).skew == 1


def test_what_is_held_at_once_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where many rows are held out and horizons are long: every so many cutoffs calibrate."""
    grid = check(synthetic.seasonal(3, 400), Roles()).grids[0]
    asked = plan(grid, grid.lengths, model="linear", horizon=4, settings=quick("linear", held_out=90))
    whole = fit(grid, grid.lengths, asked).calibration
    monkeypatch.setattr("forecaster.training.held_out_calibration._QUANTILES_JUDGED", 10_000)
    part = fit(grid, grid.lengths, asked).calibration
    assert 100 < part.errors < whole.errors / 2
    assert part.factors == pytest.approx(whole.factors, rel=0.2)


def test_pinball_loss_of_a_case_by_hand() -> None:
    loss = pinball(np.array([[0.0, 2.0], [0.0, 2.0]]), (0.1, 0.9), np.array([1.0, np.nan]))
    assert loss[0] == pytest.approx((0.1 * 1 + 0.1 * 1) / 2)
    assert np.isnan(loss[1])
