"""How several trainings share their time."""

import pytest

from forecaster.training.time_shares import time_shares


def test_each_has_the_most_while_there_is_enough() -> None:
    """What is fitted without training needs none of it."""
    assert time_shares([100.0, 1.0, 300.0], 180, 600) == [180, 180, 180]
    assert time_shares([100.0, 0, 0, 0, 0, 300.0], 180, 600) == [180] * 6
    assert time_shares([], 180, 600) == []


def test_else_they_share_by_their_need() -> None:
    """None has more than the most; what such a one leaves is the others'. By hand."""
    assert time_shares([50.0] * 5, 180, 600) == pytest.approx([120] * 5)
    assert time_shares([100.0, 300, 100, 300, 10, 10], 180, 600) == pytest.approx(
        [240 * 100 / 220, 180, 240 * 100 / 220, 180, 240 * 10 / 220, 240 * 10 / 220]
    )
    assert time_shares([30.0], 5000, 600) == pytest.approx([600])
    assert time_shares([1.0, 3.0], 5000, 600) == pytest.approx([150, 450])
