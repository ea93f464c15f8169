"""Gradients are held to a limit, given or found."""

import numpy as np
import pytest
import torch

from forecaster import api
from forecaster.series import synthetic
from forecaster.training.clipping import Clipping
from tests.quick import quick


def _clipped(clipping: Clipping, norm: float) -> float:
    """Size of a gradient of that norm after it."""
    weight = torch.nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), norm / 2)
    assert float(clipping.clip([weight])) == pytest.approx(norm)
    assert weight.grad is not None
    return float(weight.grad.norm())


def test_a_given_limit_stays() -> None:
    """Smaller gradients are left alone."""
    clipping = Clipping(2.0)
    assert [_clipped(clipping, norm) for norm in (1.0, 8.0, 1.0, 50.0)] == pytest.approx([1, 2, 1, 2], rel=1e-4)


def test_a_limit_of_0_follows_the_norms_of_late() -> None:
    """Their median before this one, over a hundred steps: what came earlier is forgotten."""
    clipping = Clipping(0.0)
    assert _clipped(clipping, 40.0) == pytest.approx(1, rel=1e-4)
    norms = np.random.default_rng(0).uniform(1, 9, 100)
    for norm in norms:
        _clipped(clipping, float(norm))
    assert _clipped(clipping, 100.0) == pytest.approx(np.median(norms), rel=1e-4)


def test_the_setting_reaches_training() -> None:
    """`clip=0`, the default, trains otherwise than a limit of 1."""
    frame = synthetic.seasonal(2, 200)
    losses = {
        clip: api.fit(frame, horizon=2, model="lstm", settings=quick(steps=40, clip=clip))
        .members[0]
        .facts.moments[-1]
        .loss
        for clip in (0, 1.0)
    }
    assert losses[0] != losses[1.0]
    assert np.isfinite(list(losses.values())).all()
