"""Logits of shares by which a blend of some parts fits a target; a softmax makes the shares."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import nnls
from torch import Tensor

__all__ = ["by_errors", "by_step"]

_Floats = npt.NDArray[np.float64]

_LEAST_ERROR = 0.02
_LEAST_SHARE = 0.02
"""So that a gate can still learn of each part."""
_NEAR = 0.5
"""How far a horizon step learns its shares from others, in logarithms of steps ahead."""
_RIDGE = 1e-6
_EXACT = 1e3
"""How much more it counts that shares sum to 1 than how well they fit."""


def by_errors(parts: Sequence[Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Logits of shares that fall with the square of each part's mean absolute error, the same at all steps ahead.

    Shapes: K parts, target and weight [..., H] -> [K, 1]
    """
    counted_H = weight.flatten(0, -2).sum(0).clamp(min=1e-9)
    errors = [((target - part).abs() * weight).flatten(0, -2).sum(0) for part in parts]
    error_KH = (torch.stack(errors) / counted_H).clamp(min=_LEAST_ERROR)
    return -2 * error_KH.log().mean(1, keepdim=True)


def by_step(parts: Sequence[Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Logits of the shares that fit best by squared errors, at each step ahead and those near it.

    Each is at least 0.02 before they are divided by their sum.

    Shapes: K parts, target and weight [..., H] -> [K, H]
    Source: stacked regressions, Breiman (1996), Machine Learning 24
    """
    gram_HKK, fit_HK = _sums(parts, target, weight)
    ahead_H = torch.arange(1, len(fit_HK) + 1, dtype=torch.float64, device=fit_HK.device).log()
    near_HH = torch.exp(-(((ahead_H[:, None] - ahead_H) / _NEAR) ** 2))
    gram, fit = torch.einsum("gh,hkl->gkl", near_HH, gram_HKK), near_HH @ fit_HK
    share_HK = np.array([_fitted(*each) for each in zip(gram.cpu().numpy(), fit.cpu().numpy(), strict=True)])
    return torch.from_numpy(share_HK.T).clamp(min=_LEAST_SHARE).log()


def _sums(parts: Sequence[Tensor], target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Products of the parts with each other and with the target, over rows. Shapes: K times [..., H] -> [H, K, K], [H, K]"""

    def summed(values: Tensor) -> Tensor:
        return values.flatten(0, -2).sum(0, dtype=torch.float64)

    weighted = [weight * part for part in parts]
    gram = [torch.stack([summed(one * other) for other in parts]) for one in weighted]
    fit = torch.stack([summed(one * target) for one in weighted])
    return torch.stack(gram).permute(2, 0, 1), fit.T


def _fitted(gram_KK: _Floats, fit_K: _Floats) -> _Floats:
    """The least-squares shares that are positive and sum to 1."""
    size = np.trace(gram_KK) / len(gram_KK) or 1.0
    root_KK = np.linalg.cholesky(gram_KK / size + _RIDGE * np.eye(len(gram_KK))).T
    left = np.vstack([root_KK, np.full(len(gram_KK), _EXACT)])
    share, _ = nnls(left, np.append(np.linalg.solve(root_KK.T, fit_K / size), _EXACT))
    summed: _Floats = share / share.sum()
    return summed
