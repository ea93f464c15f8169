"""The budget holds events to the rate asked for, from above and from below."""

import numpy as np
import pytest

from forecaster.scoring.budget import Budget
from forecaster.scoring.rules import Rules

RATE, ROWS = 0.002, 50_000


@pytest.mark.parametrize(("power", "least", "most"), [(1.0, 0.7, 1.3), (2.0, 0.7, 1.3), (0.9, 0.7, 1.3)])
def test_the_rate_is_delivered_by_p_values_that_are_wrong(power: float, least: float, most: float) -> None:
    """Uniform ones; too small ones, of a detector that is too sure; and too large ones, of one that is a little shy."""
    p_T = np.random.default_rng(1).uniform(size=ROWS) ** power
    _, news_T, _ = Budget(RATE, Rules(gap=5)).spend(p_T, 0, RATE)
    assert least < news_T.sum() / (RATE * ROWS) < most


@pytest.mark.parametrize(("times", "least", "most"), [(2.0, 1, 3), (3.0, 0, 0)])
def test_silence_makes_no_alarm_of_what_is_usual(times: float, least: int, most: int) -> None:
    """After a hundred times the rows of an event without one, rows within e of the rate open a few; no others do."""
    p_T = np.ones(60_000)
    p_T[50_000::50] = times * RATE
    _, news_T, _ = Budget(RATE, Rules(gap=5)).spend(p_T[:51_000], 0, RATE)
    assert least <= news_T.sum() <= most


def test_credit_is_the_same_row_by_row() -> None:
    """Over a state that is read and stored."""
    p_T = np.random.default_rng(2).uniform(size=5_000) ** 0.6
    expected, *_ = Budget(RATE, Rules(gap=5)).spend(p_T, 0, RATE)
    budget, found = Budget(RATE, Rules(gap=5)), []
    for row in range(len(p_T)):
        state, budget = budget.state(), Budget(RATE, Rules(gap=5))
        budget.restore(state)
        found.append(budget.spend(p_T[row : row + 1], row, RATE)[0][0])
    np.testing.assert_array_equal(found, expected)
    assert expected.any()
