"""What the members of an ensemble say together."""

import numpy as np
import pytest

from forecaster.columns import LEVELS
from forecaster.series.grid import Floats
from forecaster.training.blend import Blend, weighted_median


def test_a_weighted_median_of_equal_weights_is_the_median() -> None:
    """Of two it is their weighted mean, and a member far off that counts for little moves it by little; by hand."""
    random = np.random.default_rng(0)
    for members in (1, 2, 3, 4, 5):
        values = list(random.standard_normal((members, 7, 3)))
        np.testing.assert_allclose(weighted_median(values, [0.2] * members), np.median(values, axis=0))
        np.testing.assert_allclose(
            weighted_median(values, [0.2 + 1e-9 * n for n in range(members)]),
            np.median(values, axis=0),
            atol=1e-6,
        )
    two = [np.zeros(3), np.ones(3)]
    np.testing.assert_allclose(weighted_median(two, [3, 1]), 0.25)
    # They stand at .25, .70, .95: between the first two, 5 / 9 of the way.
    three = [np.array([0.0]), np.array([1.0]), np.array([1000.0])]
    np.testing.assert_allclose(weighted_median(three, [0.5, 0.4, 0.1]), 5 / 9)
    np.testing.assert_allclose(weighted_median(three, [0.9, 0.06, 0.04]), (0.5 - 0.45) / 0.48)
    np.testing.assert_allclose(weighted_median(three[::-1], [0.1, 0.4, 0.5]), 5 / 9)


def test_members_together_are_as_wide_as_they_cover() -> None:
    """Two that err apart: their mean errs less, so its intervals, as wide as theirs, cover more, until they are narrowed."""
    random, spread = np.random.default_rng(0), np.linspace(-2, 2, len(LEVELS))
    errors = random.standard_normal((2, 4000, 1))
    members = [error[..., None] + 1.2816 / spread[LEVELS.index(0.9)] * spread for error in errors]
    targets = np.where(np.arange(4000) % 10 == 0, np.nan, 0.0)[:, None]

    def covers(quantiles: Floats) -> float:
        inside = (quantiles[..., LEVELS.index(0.1)] <= 0) & (quantiles[..., LEVELS.index(0.9)] >= 0)
        return float(inside[~np.isnan(targets)].mean())

    loose = Blend((0.5, 0.5))
    fitted = loose.fitted(members, targets)
    assert covers(loose.of(members)) > 0.9
    assert covers(fitted.of(members)) == pytest.approx(np.mean([covers(one) for one in members]), abs=0.005)
    assert fitted.width == pytest.approx(np.sqrt(0.5), abs=0.03)
    np.testing.assert_allclose(fitted.of(members)[..., LEVELS.index(0.5)], errors.mean(0))
    assert Blend((0.5, 0.5)).fitted([members[0], members[0]], targets).width == pytest.approx(1, abs=0.01)


def test_the_seeds_of_a_model_count_as_one() -> None:
    """Three that agree do not outvote another model of the same weight, and their intervals count by a third each."""
    values = [np.array([value]) for value in (0.0, 1.0, 100.0, 11.0)]
    np.testing.assert_allclose(Blend(seeds=(3, 1)).of(values), 6)
    np.testing.assert_allclose(Blend((0.7, 0.3), seeds=(3, 1)).of(values), 0.7 * 1 + 0.3 * 11)
    np.testing.assert_allclose(Blend(seeds=(4,)).of(values), np.median([0, 1, 100, 11]))
    np.testing.assert_allclose(Blend(seeds=(1, 1, 1, 1)).of(values), Blend().of(values))
    levels = np.linspace(-1, 1, len(LEVELS))
    wide, narrow = ([np.zeros((100, 1, 1)) + width * levels] for width in (6.0, 0.1))
    targets = np.linspace(-3, 3, 100)[:, None]
    # Of the wide intervals all cover, of the narrow ones nearly none: by models a half of them, by members a quarter.
    fitted = Blend((0.5, 0.5), seeds=(1, 3)).fitted([*wide, *narrow * 3], targets)
    inside = np.abs(targets[:, 0]) <= fitted.of([*wide, *narrow * 3])[:, 0, LEVELS.index(0.9)]
    assert inside.mean() == pytest.approx(0.5, abs=0.03)


def test_quantiles_of_models_that_change_places_are_in_order(random: np.random.Generator) -> None:
    """Each member's are; where two of unequal weight cross from one level to the next, their weighted median falls."""
    members = list(np.sort(random.standard_normal((4, 500, len(LEVELS)))))
    weights = tuple(random.dirichlet(np.ones(4)))
    assert (np.diff(weighted_median(members, weights)) < 0).any(), "there is something to put in order"
    assert (np.diff(Blend(weights, width=0.9).of(members)) >= 0).all()
