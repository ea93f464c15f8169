"""Heads beside SciPy's distributions: losses are log densities, quantiles are quantiles."""

import math

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.heads.base import Frame
from forecaster.heads.gaussian import Gaussian
from forecaster.heads.mixture import Mixture
from forecaster.heads.negative_binomial import NegativeBinomial
from forecaster.heads.point import Point
from forecaster.heads.student_t import StudentT

ONE = torch.ones(1, dtype=torch.float64)


def _nll(head: Gaussian | StudentT | Mixture, params: list[float], target: float) -> float:
    wide = torch.tensor([params], dtype=torch.float64)
    return float(head.loss(wide, ONE * target, ONE))


def _bent(log_width: float) -> float:
    """The width that a number stands for, by its definition."""
    return math.exp(4 * math.tanh(log_width / 4))


def test_the_gaussian_is_scipys_normal() -> None:
    """Its loss is minus the log density, its quantiles are norm.ppf's."""
    head, density = Gaussian(Gaussian.Config()), stats.norm(0.7, _bent(-0.9))
    assert _nll(head, [0.7, -0.9], 2.1) == pytest.approx(-density.logpdf(2.1))
    ours = head.quantiles(torch.tensor([0.7, -0.9], dtype=torch.float64))
    np.testing.assert_allclose(ours, density.ppf(LEVELS), rtol=1e-12)


@pytest.mark.parametrize("number", [-20.0, -1.0, 0.0, 3.0, 40.0, 1e4])
def test_student_t_is_scipys_t(number: float) -> None:
    """From 2 degrees of freedom to nearly normal: log density to 1e-9, quantiles to 1e-5."""
    head = StudentT(StudentT.Config())
    freedom = 2.01 + float(np.logaddexp(0, number))
    density = stats.t(freedom, -0.4, _bent(0.6))
    assert _nll(head, [-0.4, 0.6, number], 3.0) == pytest.approx(-density.logpdf(3.0), rel=1e-9)
    for kind, near in ((torch.float64, 1e-6), (torch.float32, 1e-5)):
        ours = head.quantiles(torch.tensor([-0.4, 0.6, number], dtype=kind))
        np.testing.assert_allclose(ours, density.ppf(LEVELS), atol=near * 4)


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_of_a_mixture_invert_its_distribution_function(seed: int) -> None:
    """Roots of the mixture's CDF by Brent's method, to 1e-4; and the loss is minus the log density."""
    random = np.random.default_rng(seed)
    head = Mixture(Mixture.Config(components=4))
    params = random.normal(0, 1.5, 12)
    shares = np.exp(params[:4]) / np.exp(params[:4]).sum()
    parts = [stats.norm(m, _bent(w)) for m, w in zip(params[4:8], params[8:], strict=True)]

    def cdf(x: float) -> float:
        return float(sum(s * part.cdf(x) for s, part in zip(shares, parts, strict=True)))

    exact = [optimize.brentq(lambda x, p=level: cdf(x) - p, -500, 500, xtol=1e-12) for level in LEVELS]
    np.testing.assert_allclose(head.quantiles(torch.tensor(params, dtype=torch.float32)), exact, atol=1e-4)
    density = sum(s * part.pdf(0.3) for s, part in zip(shares, parts, strict=True))
    assert _nll(head, params.tolist(), 0.3) == pytest.approx(-math.log(density))


def test_a_mixture_of_one_is_a_gaussian() -> None:
    """The same loss and the same quantiles."""
    one, plain = Mixture(Mixture.Config(components=1)), Gaussian(Gaussian.Config())
    params = torch.randn(3, 4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    alike = torch.cat([torch.zeros_like(params[..., :1]), params], -1)
    target = torch.ones(3, 4, dtype=torch.float64)
    torch.testing.assert_close(one.loss(alike, target, target), plain.loss(params, target, target))
    torch.testing.assert_close(one.quantiles(alike), plain.quantiles(params), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("number", "log_width"), [(0.0, 0.0), (3.0, -2.0), (40.0, 3.0), (900.0, -9.0), (-30.0, 0.0)])
def test_the_negative_binomial_is_scipys(number: float, log_width: float) -> None:
    """From hardly any counts to nearly Poisson's: minus the log mass, and whole quantiles."""
    head = NegativeBinomial(NegativeBinomial.Config())
    mean = float(np.logaddexp(0, number)) + 1e-9
    size = max((mean / _bent(log_width)) ** 2, 1e-6)
    mass = stats.nbinom(size, size / (size + mean))
    assert mass.var() == pytest.approx(mean + mean**2 / size)
    params = torch.tensor([[number, log_width]], dtype=torch.float64)
    for count in (0.0, 1.0, 17.0):
        assert float(head.loss(params, ONE * count, ONE)) == pytest.approx(-mass.logpmf(count), rel=1e-6)
    np.testing.assert_array_equal(head.quantiles(params)[0], mass.ppf(LEVELS))


def test_counts_find_their_way_through_units() -> None:
    """In another level, spread, start and unit: the same loss and quantiles of the same counts."""
    head = NegativeBinomial(NegativeBinomial.Config())
    frame = Frame(lambda distance: 2.0 + 5.0 * distance.double(), lambda value: (value - 2.0) / 5.0)
    params, counts = torch.randn(40, 2, generator=torch.Generator().manual_seed(0)), torch.arange(40.0)
    mean = 5 * torch.nn.functional.softplus((2 + 5 * params[:, 0].double()) / 5)
    size = (mean / (5 * (4 * torch.tanh(params[:, 1].double() / 4)).exp())).square()
    mass = stats.nbinom(size.numpy(), (size / (size + mean)).numpy())
    ours = head.loss(params, (counts - 2) / 5, torch.ones(40), frame)
    assert float(ours) == pytest.approx(-mass.logpmf(counts.numpy()).mean(), rel=1e-5)
    values = frame.values(head.quantiles(params, frame)).numpy()
    np.testing.assert_allclose(values, mass.ppf(np.asarray(LEVELS)[:, None]).T, atol=1e-9)


def _best(head: Point, targets: Tensor) -> Tensor:
    """The two numbers with the least loss over some targets, by gradient descent."""
    params = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([params], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        search.zero_grad()
        value = head.loss(params.expand(len(targets), 2), targets, torch.ones_like(targets))
        value.backward()
        return value

    search.step(loss)
    return params.detach()


def test_the_point_is_what_its_loss_asks_for() -> None:
    """Of skewed numbers: the mean by l2, the median by l1, SciPy's Huber location between them."""
    targets = torch.tensor(np.random.default_rng(0).exponential(2.0, 999))
    assert _best(Point(Point.Config(loss="l2")), targets)[0] == pytest.approx(float(targets.mean()), abs=1e-3)
    assert _best(Point(Point.Config(loss="l1")), targets)[0] == pytest.approx(float(targets.median()), abs=1e-2)
    huber = optimize.minimize_scalar(lambda m: _huber(targets.numpy() - m), bounds=(0, 5), method="bounded")
    assert _best(Point(Point.Config(loss="huber")), targets)[0] == pytest.approx(huber.x, abs=1e-3)


def _huber(error: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> float:
    from scipy.special import huber

    return float(huber(1.0, error).mean())


def test_the_spread_of_a_point_is_that_of_normal_errors() -> None:
    """Normal errors of standard deviation 3 give 80 % intervals of 2 x 1.2816 x 3."""
    targets = torch.tensor(np.random.default_rng(1).normal(0, 3, 20_000))
    quantiles = Point(Point.Config()).quantiles(_best(Point(Point.Config(loss="l2")), targets))
    assert float(quantiles[LEVELS.index(0.9)] - quantiles[LEVELS.index(0.1)]) == pytest.approx(7.69, rel=0.02)


def test_the_spread_teaches_the_point_nothing() -> None:
    """The gradient of the point is that of the chosen loss, whatever the spread."""
    head = Point(Point.Config(loss="l2"))
    for log_width in (-2.0, 0.0, 2.0):
        params = torch.tensor([[0.5, log_width]], requires_grad=True)
        head.loss(params, torch.tensor([2.0]), torch.ones(1)).backward()
        assert params.grad is not None
        assert float(params.grad[0, 0]) == pytest.approx(2 * (0.5 - 2.0))


@pytest.mark.parametrize("wrong", [{"loss": "l3"}, {"delta": 0.0}])
def test_a_point_takes_no_other_loss(wrong: dict[str, object]) -> None:
    """Its settings say what they expect."""
    with pytest.raises(ValueError, match="must be"):
        Point.Config(**wrong)  # type: ignore[arg-type]  # wrong on purpose
