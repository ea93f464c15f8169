"""Where hardly any rows are held out, models count by how they did on late rows."""

import numpy as np
import pytest

from forecaster.training.late_votes import late_votes


def test_models_without_training_count_by_their_squared_errors() -> None:
    assert late_votes([1.0, 2.0], [False, False], tried=False) == pytest.approx([0.8, 0.2])
    assert late_votes([0.0, 2.0], [False, False], tried=False) == [1, 0]
    assert late_votes([0.0, 0.0], [False, False], tried=False) == [0.5, 0.5]


def test_networks_share_a_part_whatever_their_errors() -> None:
    """A quarter if they never were tried on rows that they had not learned."""
    assert late_votes([np.nan, 1.0, 1.0], [True, False, False], tried=False) == pytest.approx([0.25, 0.375, 0.375])
    assert late_votes([0.0, 9.0, 1.0], [True, True, False], tried=False) == pytest.approx([0.125, 0.125, 0.75])
    assert late_votes([np.nan, np.nan], [True, True], tried=False) == [0.5, 0.5]
    assert late_votes([np.nan, 1.0], [True, False], tried=True) == pytest.approx([0.4, 0.6])


def test_a_model_that_is_far_off_has_no_part() -> None:
    assert late_votes([1.0, 10.0, 0.5], [False, False, False], tried=False) == pytest.approx([0.2, 0, 0.8], abs=0.01)
    assert late_votes([1.0, 10.0, 0.5], [False, False, False], tried=False)[1] == 0


def test_models_count_alike_where_errors_have_no_unit() -> None:
    """A series that never changed."""
    assert late_votes([np.nan, np.nan, np.nan], [True, False, False], tried=False) == pytest.approx(
        [0.25, 0.375, 0.375]
    )
