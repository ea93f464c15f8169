"""What every head promises; members are found by listing the folder."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster import plugins
from forecaster.columns import LEVELS
from forecaster.heads.base import Head

HEADS = plugins.names("heads")


def _made(name: str) -> Head:
    found = plugins.load("heads", name)
    made: Head = found(found.Config())
    return made


@pytest.mark.parametrize("name", HEADS)
@given(seed=st.integers(0, 1000), size=st.floats(0.1, 100))
@settings(max_examples=30, deadline=None)
def test_quantiles_never_cross(name: str, seed: int, size: float) -> None:
    """Whatever numbers a network gives."""
    head = _made(name)
    params = torch.randn(4, 3, head.parameters, generator=torch.Generator().manual_seed(seed)) * size
    quantiles = head.quantiles(params)
    assert quantiles.shape == (4, 3, len(LEVELS))
    assert (quantiles.diff(dim=-1) >= 0).all()


@pytest.mark.parametrize("name", HEADS)
def test_masked_targets_have_no_loss_and_no_gradient(name: str) -> None:
    """A weight of 0 takes a target out altogether."""
    head = _made(name)
    params = torch.randn(2, 3, head.parameters, requires_grad=True)
    weight = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    loss = head.loss(params, torch.tensor([[1.0, 1e9, 2.0], [5.0, -1e9, 3.0]]), weight)
    loss.backward()
    assert params.grad is not None
    assert torch.isfinite(loss)
    assert params.grad[0, 1].abs().sum() == 0
    assert params.grad[1].abs().sum() == 0
    assert params.grad[0, 0].abs().sum() > 0


@pytest.mark.parametrize("name", HEADS)
def test_a_network_begins_with_a_sensible_distribution(name: str) -> None:
    """Centred on the anchor, and about one unit wide."""
    head = _made(name)
    initial = torch.tensor(list(head.initial()))
    assert len(initial) == head.parameters
    quantiles = head.quantiles(initial)
    assert quantiles[LEVELS.index(0.5)].abs() < 1e-6
    assert 0.2 < quantiles[LEVELS.index(0.9)] - quantiles[LEVELS.index(0.1)] < 5


def test_the_pinball_loss_is_its_formula() -> None:
    """Worked by hand at one target, and its gradient by autograd."""
    from forecaster.heads.quantile import Quantile

    head = Quantile(Quantile.Config(median_weight=0.0))
    params = torch.randn(1, 1, head.parameters, dtype=torch.float64, requires_grad=True)
    target, weight = torch.tensor([[0.3]], dtype=torch.float64), torch.ones(1, 1, dtype=torch.float64)
    levels = torch.tensor(LEVELS, dtype=torch.float64)

    def by_hand(p: torch.Tensor) -> torch.Tensor:
        error = target[..., None] - head.quantiles(p)
        return torch.maximum(levels * error, (levels - 1) * error).mean()

    loss = head.loss(params, target, weight)
    torch.testing.assert_close(loss, by_hand(params))
    (ours,) = torch.autograd.grad(loss, params)
    (theirs,) = torch.autograd.grad(by_hand(params), params)
    torch.testing.assert_close(ours, theirs)


def test_the_pinball_loss_teaches_where_a_forecast_starts() -> None:
    """A target is the distance from the start: the loss has its gradient there too."""
    from forecaster.heads.quantile import Quantile

    random = torch.Generator().manual_seed(3)
    head = Quantile(Quantile.Config())
    params = torch.randn(4, 3, head.parameters, generator=random, dtype=torch.float64)
    weight = torch.rand(4, 3, generator=random, dtype=torch.float64)
    target = torch.randn(4, 3, generator=random, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda y: head.loss(params, y, weight), (target,))
