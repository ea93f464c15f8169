"""Running means and their errors are those of the books, and chance is not believed."""

import numpy as np
import pytest
import torch

from forecaster.layers.shrinkage import MOMENTS, believed, mean_and_error, moments


def _sums(x: torch.Tensor, known: torch.Tensor | None = None, fade: float = 0.0) -> torch.Tensor:
    known = torch.ones_like(x, dtype=torch.bool) if known is None else known
    return moments(x, known, fade, torch.zeros(x.shape[0], x.shape[2], MOMENTS, dtype=x.dtype))


def test_without_fading_it_is_the_sample_mean_and_its_standard_error() -> None:
    """At every step, of the values so far."""
    x = torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mean, error = mean_and_error(_sums(x))
    for t in (1, 7, 29):
        past = x[:, : t + 1].numpy()
        np.testing.assert_allclose(mean[:, t], past.mean(1))
        np.testing.assert_allclose(error[:, t], past.var(1, ddof=1) / (t + 1))


def test_one_value_tells_nothing_of_its_error() -> None:
    """So nothing of it is believed."""
    mean, error = mean_and_error(_sums(torch.full((1, 1, 1), 5.0, dtype=torch.float64)))
    assert float(mean) == 5
    assert float(error) == torch.inf
    assert float(believed(mean.square(), error)) == 0


def test_weights_fade_and_unknown_values_count_for_nothing() -> None:
    """A weight is exp(-fade x age)."""
    x, known = torch.arange(6.0, dtype=torch.float64)[None, :, None], torch.ones(1, 6, 1, dtype=torch.bool)
    known[0, 3] = False
    sums = _sums(x, known, fade=0.3)[0, -1, 0]
    weight = np.exp(-0.3 * np.array([5, 4, 3, 1, 0]))
    values = np.array([0, 1, 2, 4, 5.0])
    expected = [weight.sum(), (weight**2).sum(), (weight * values).sum(), (weight * values**2).sum()]
    np.testing.assert_allclose(sums, expected)


def test_sums_go_on_from_those_before() -> None:
    """A stretch in two parts gives what it gives as a whole."""
    x = torch.randn(3, 20, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    known = torch.ones_like(x, dtype=torch.bool)
    whole = _sums(x, fade=0.1)
    first = _sums(x[:, :8], fade=0.1)
    torch.testing.assert_close(moments(x[:, 8:], known[:, 8:], 0.1, first[:, -1]), whole[:, 8:])


@pytest.mark.parametrize(("mean", "least", "most"), [(0.0, 0.0, 0.35), (1.0, 0.97, 1.0)])
def test_chance_is_hardly_believed_and_a_clear_mean_is(mean: float, least: float, most: float) -> None:
    """Averaged over many samples of 50 values with deviation 1."""
    x = mean + torch.randn(400, 50, 1, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    found, error = mean_and_error(_sums(x)[:, -1])
    assert least <= float(believed(found.square(), error).mean()) <= most
