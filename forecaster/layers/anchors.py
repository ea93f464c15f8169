"""Seasonal anchors: where forecasts start, before a network has learned anything."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from forecaster.layers import shares

__all__ = ["Anchors"]

_SEASONS_FOR_MEAN = 3
"""Whole seasons that a window holds before their mean says more than the last of them."""


class Anchors(nn.Module):
    """A blend of naive forecasts (anchors) from the window, plus a linear map of the window if `line` is set.

    Anchors are the values one season back, for each season and for the last value. Where the window holds three seasons, their
    mean and the level, which is 0, are anchors too, and each step ahead has shares of its own at the beginning. A gate on the
    state changes the shares for all steps alike. The map begins as zero. `others` are further anchors, which the window does
    not tell.

    Shapes:  hidden [..., D], window [..., W], others [..., H] each -> [..., H]; K anchors
    Source:  seasonal anchors as in Smyl (2020), IJF 36(1); the linear map is NLinear's, Zeng et al. (2023), AAAI
    """

    step_H: Tensor
    lags_KH: Tensor

    def __init__(
        self, hidden: int, window: int, horizon: int, seasons: tuple[int, ...], *, others: int = 0, line: bool = True
    ) -> None:
        super().__init__()
        assert all(1 <= season <= window for season in seasons), (seasons, window)
        self.means = [season for season in seasons if 1 < season <= window // _SEASONS_FOR_MEAN]
        self.register_buffer("step_H", torch.arange(horizon), persistent=False)
        lags = [window - 1 - ((-1 - self.step_H) % season) for season in seasons]
        self.register_buffer("lags_KH", torch.stack(lags), persistent=False)
        count = len(seasons) + len(self.means) + others + (1 if self.means else 0)
        self.gate = nn.Linear(hidden, count)
        self.begin_KH = nn.Parameter(torch.zeros(count, horizon if self.means else 1))
        self.line = nn.Linear(window, horizon, bias=False) if line else None
        for weight in [*self.gate.parameters(), *(self.line.parameters() if self.line else ())]:
            nn.init.zeros_(weight)

    def forward(self, hidden: Tensor, window: Tensor, others: Sequence[Tensor] = ()) -> Tensor:
        share, begin_KH = self.gate(hidden).softmax(-1), self.begin_KH.softmax(0)
        parts: list[Tensor] = [
            share[..., k, None] * (begin_KH[k] * value) for k, value in enumerate(self._values(window, others))
        ]
        blend: Tensor = sum(parts[1:], start=parts[0]) / (share @ begin_KH)
        return blend if self.line is None else blend + self.line(window)

    @torch.no_grad()
    def choose_starts(self, window: Tensor, target: Tensor, weight: Tensor, others: Sequence[Tensor] = ()) -> None:
        """Initialise the shares to those that fit some rows best, by squared errors.

        Without means they would be all of the last value for most data, as few series have a season that is worth more than
        it: so each anchor then has a share by the inverse square of its error, from which a gate learns to tell series apart.

        Shapes: [..., W], [..., H], [..., H]
        """
        values = self._values(window, others)
        if self.means:
            self.begin_KH.copy_(shares.by_step([*values, torch.zeros_like(target)], target, weight))
        else:
            self.begin_KH.copy_(shares.by_errors(values, target, weight))

    def _values(self, window: Tensor, others: Sequence[Tensor]) -> list[Tensor]:
        """Values of all anchors except the level, each [..., H]."""
        lagged = [window.index_select(-1, lags_H) for lags_H in self.lags_KH]
        return [*lagged, *(self._mean(window, season) for season in self.means), *others]

    def _mean(self, window: Tensor, season: int) -> Tensor:
        """Mean over the window's whole seasons, at the steps ahead."""
        whole = window.shape[-1] // season
        mean: Tensor = window[..., -whole * season :].reshape(*window.shape[:-1], whole, season).mean(-2)
        return mean.index_select(-1, self.step_H % season)
