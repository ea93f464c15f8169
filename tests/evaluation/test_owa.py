"""OWA beside published numbers."""

import math

import pytest

from forecaster.evaluation.owa import owa

NAIVE2 = {"smape": 13.564, "mase": 1.912}


@pytest.mark.parametrize(
    ("smape", "mase", "published"), [(11.374, 1.536, 0.821), (12.555, 1.663, 0.898), (14.208, 2.044, 1.058)]
)
def test_owa_is_that_of_the_m4_competition(smape: float, mase: float, published: float) -> None:
    """The winner, the combination of exponential smoothings and naive: Makridakis et al. (2020), all 100,000 series."""
    assert owa({"smape": smape, "mase": mase}, NAIVE2) == pytest.approx(published, abs=5e-4)


def test_a_reference_without_errors_gives_no_number() -> None:
    """NaN, where a division would fail or say infinity."""
    assert math.isnan(owa(NAIVE2, {"smape": 0.0, "mase": 1.0}))
    assert math.isnan(owa(NAIVE2, {"smape": 1.0, "mase": math.nan}))
