"""Whether the right channels are named first."""

import numpy as np
import pytest

from tests.benchmarks.attribution import hit_rate, ndcg


def test_hit_rate_looks_at_as_many_names_as_are_true_and_half_more() -> None:
    """Two true: three names are looked at, of which they are two, or one, or none."""
    assert hit_rate(["a", "x", "b", "y"], {"a", "b"}) == 1.0
    assert hit_rate(["a", "x", "b", "y"], {"a", "b"}, share=1.0) == 0.5
    assert hit_rate(["x", "y", "z", "a"], {"a", "b"}) == 0.0
    assert hit_rate(["a"], {"a", "b"}) == 0.5


def test_ndcg_by_hand() -> None:
    """Found first and third of two: (1 + 1/log2(4)) / (1 + 1/log2(3))."""
    assert ndcg(["a", "x", "b"], {"a", "b"}) == pytest.approx(1.5 / (1 + 1 / np.log2(3)))
    assert ndcg(["b", "a", "x"], {"a", "b"}) == pytest.approx(1.0)
    assert ndcg([], {"a"}) == 0.0


def test_nothing_true_is_no_number() -> None:
    """NaN, so that a mean can leave it out."""
    assert np.isnan(hit_rate(["a"], set()))
    assert np.isnan(ndcg(["a"], set()))
