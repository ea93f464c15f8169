"""Student's t distribution."""

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from scipy.stats import t as student
from torch import Tensor

from forecaster.columns import LEVELS, MEDIAN
from forecaster.heads._likelihood import weighted_mean, width
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["StudentT"]

_LEAST_FREEDOM = 2.01
"""A variance exists above 2 degrees of freedom."""
_DEGREE = 8
"""Degree of the polynomials in 1 / freedom that approximate quantiles: accurate to 1e-5."""


class StudentT(Head):
    """A location, the logarithm of a scale, and degrees of freedom above 2: tails as heavy as the errors ask for.

    Shapes:  [..., H, 3] -> [..., H, 13]
    Units:   errors of a usual size are about 1; the loss is in nats
    Fails:   on skewed errors, and where tails are lighter than normal ones
    Source:  Lange, Little and Taylor (1989), JASA 84(408); as a head: Salinas et al. (2020), IJF 36(3)
    """

    def initial(self) -> Sequence[float]:
        return [0.0, 0.0, 8.0]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        scale, log_scale = width(params[..., 1])
        freedom = _freedom(params[..., 2])
        far = ((target - params[..., 0]) / scale).square() / freedom
        half = (freedom + 1) / 2
        normaliser = torch.lgamma(freedom / 2) - torch.lgamma(half) + 0.5 * torch.log(math.pi * freedom)
        return weighted_mean(half * torch.log1p(far) + normaliser + log_scale, weight)

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        scale, _ = width(params[..., 1:2])
        return params[..., :1] + scale * _standard(_freedom(params[..., 2]))


def _freedom(number: Tensor) -> Tensor:
    return _LEAST_FREEDOM + torch.nn.functional.softplus(number)


def _standard(freedom: Tensor) -> Tensor:
    """Quantiles of location 0 and scale 1. Shapes: [...] -> [..., Q]"""
    coefficients_KQ = torch.as_tensor(_coefficients(), device=freedom.device, dtype=freedom.dtype)
    powers = freedom.reciprocal()[..., None] ** torch.arange(_DEGREE + 1, device=freedom.device)
    return powers @ coefficients_KQ


@cache
def _coefficients() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    """Polynomials in u = 1 / freedom through the quantiles at the Chebyshev points of 0 < u < 1/2. Shapes: [K, Q]"""
    points = 0.25 + 0.25 * np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    exact = student.ppf(np.asarray(LEVELS), 1 / points[:, None])
    found: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.linalg.solve(
        np.polynomial.polynomial.polyvander(points, _DEGREE), exact
    )
    found[:, MEDIAN] = 0.0
    return found
