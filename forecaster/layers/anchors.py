"""Seasonal anchors: where forecasts start, before a network has learned anything."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import nnls
from torch import Tensor, nn

__all__ = ["Anchors"]

_Floats = npt.NDArray[np.float64]

_SEASONS_FOR_MEAN = 3
"""Whole seasons that a window holds before their mean says more than the last of them."""
_LEAST_ERROR = 0.02
_LEAST_SHARE = 0.02
"""So that a gate can still learn of each anchor."""
_NEAR = 0.5
"""How far a horizon step learns its shares from others, in logarithms of steps ahead."""
_RIDGE = 1e-6
_EXACT = 1e3
"""How much more it counts that shares sum to 1 than how well they fit."""


class Anchors(nn.Module):
    """A blend of naive forecasts (anchors) from the window, plus a linear map of the window if `line` is set.

    Anchors are the values one season back, for each season and for the last value. Where the window holds three seasons, their
    mean and the level, which is 0, are anchors too, and each step ahead has shares of its own at the beginning. A gate on the
    state changes the shares for all steps alike. The map begins as zero.

    Shapes:  hidden [..., D], window [..., W] -> [..., H]; K anchors
    Source:  seasonal anchors as in Smyl (2020), IJF 36(1); the linear map is NLinear's, Zeng et al. (2023), AAAI; shares that
        are positive and sum to 1: Breiman (1996), stacked regressions, Machine Learning 24
    """

    step_H: Tensor
    lags_KH: Tensor

    def __init__(self, hidden: int, window: int, horizon: int, seasons: tuple[int, ...], *, line: bool = True) -> None:
        super().__init__()
        assert all(1 <= season <= window for season in seasons), (seasons, window)
        self.means = [season for season in seasons if 1 < season <= window // _SEASONS_FOR_MEAN]
        self.register_buffer("step_H", torch.arange(horizon), persistent=False)
        lags = [window - 1 - ((-1 - self.step_H) % season) for season in seasons]
        self.register_buffer("lags_KH", torch.stack(lags), persistent=False)
        count = len(seasons) + len(self.means) + (1 if self.means else 0)
        self.gate = nn.Linear(hidden, count)
        self.begin_KH = nn.Parameter(torch.zeros(count, horizon if self.means else 1))
        self.line = nn.Linear(window, horizon, bias=False) if line else None
        for weight in [*self.gate.parameters(), *(self.line.parameters() if self.line else ())]:
            nn.init.zeros_(weight)

    def forward(self, hidden: Tensor, window: Tensor) -> Tensor:
        share, begin_KH = self.gate(hidden).softmax(-1), self.begin_KH.softmax(0)
        parts: list[Tensor] = [
            share[..., k, None] * (begin_KH[k] * value) for k, value in enumerate(self._values(window))
        ]
        blend: Tensor = sum(parts[1:], start=parts[0]) / (share @ begin_KH)
        return blend if self.line is None else blend + self.line(window)

    @torch.no_grad()
    def choose_starts(self, window: Tensor, target: Tensor, weight: Tensor) -> None:
        """Initialise the shares to those that fit some rows best, by squared errors.

        Without means they would be all of the last value for most data, as few series have a season that is worth more than
        it: so each anchor then has a share by the inverse square of its error, from which a gate learns to tell series apart.

        Shapes: [..., W], [..., H], [..., H]
        """
        values = self._values(window)
        if not self.means:
            self.begin_KH.copy_(_by_errors(values, target, weight))
            return
        gram_HKK, fit_HK = _sums([*values, torch.zeros_like(target)], target, weight)
        ahead_H = (self.step_H + 1.0).double().log()
        near_HH = torch.exp(-(((ahead_H[:, None] - ahead_H) / _NEAR) ** 2))
        gram, fit = torch.einsum("gh,hkl->gkl", near_HH, gram_HKK), near_HH @ fit_HK
        share_HK = np.array([_shares(*each) for each in zip(gram.cpu().numpy(), fit.cpu().numpy(), strict=True)])
        self.begin_KH.copy_(torch.from_numpy(share_HK.T).clamp(min=_LEAST_SHARE).log())

    def _values(self, window: Tensor) -> list[Tensor]:
        """Values of all anchors except the level, each [..., H]."""
        lagged = [window.index_select(-1, lags_H) for lags_H in self.lags_KH]
        return [*lagged, *(self._mean(window, season) for season in self.means)]

    def _mean(self, window: Tensor, season: int) -> Tensor:
        """Mean over the window's whole seasons, at the steps ahead."""
        whole = window.shape[-1] // season
        mean: Tensor = window[..., -whole * season :].reshape(*window.shape[:-1], whole, season).mean(-2)
        return mean.index_select(-1, self.step_H % season)


def _by_errors(anchors: Sequence[Tensor], target: Tensor, weight: Tensor) -> Tensor:
    """Logarithms of shares, the same at all steps. Shapes: K times [..., H] -> [K, 1]"""
    counted_H = weight.flatten(0, -2).sum(0).clamp(min=1e-9)
    errors = [((target - anchor).abs() * weight).flatten(0, -2).sum(0) for anchor in anchors]
    error_KH = (torch.stack(errors) / counted_H).clamp(min=_LEAST_ERROR)
    return -2 * error_KH.log().mean(1, keepdim=True)


def _sums(anchors: Sequence[Tensor], target: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """Products of the anchors with each other and with the target, over rows. Shapes: K times [..., H] -> [H, K, K], [H, K]"""

    def summed(values: Tensor) -> Tensor:
        return values.flatten(0, -2).sum(0, dtype=torch.float64)

    weighted = [weight * anchor for anchor in anchors]
    gram = [torch.stack([summed(one * other) for other in anchors]) for one in weighted]
    fit = torch.stack([summed(one * target) for one in weighted])
    return torch.stack(gram).permute(2, 0, 1), fit.T


def _shares(gram_KK: _Floats, fit_K: _Floats) -> _Floats:
    """The least-squares shares that are positive and sum to 1."""
    size = np.trace(gram_KK) / len(gram_KK) or 1.0
    root_KK = np.linalg.cholesky(gram_KK / size + _RIDGE * np.eye(len(gram_KK))).T
    left = np.vstack([root_KK, np.full(len(gram_KK), _EXACT)])
    share, _ = nnls(left, np.append(np.linalg.solve(root_KK.T, fit_K / size), _EXACT))
    summed: _Floats = share / share.sum()
    return summed
