"""Seasonal anchors: forecasts begin as a blend of earlier seasons, and the network learns the rest."""

import torch
from torch import Tensor, nn

__all__ = ["Anchors"]


class Anchors(nn.Module):
    """For every horizon step a gated blend of the values one season back, plus a linear map of the window.

    Before training the blend is even and the map is zero, so forecasts start as seasonal naive ones.

    Shapes:  hidden [..., D], window [..., W] -> [..., H]
    Source:  seasonal anchors as in Smyl (2020); the linear map is NLinear, Zeng et al. (2023)
    """

    lags_KH: Tensor

    def __init__(self, hidden: int, window: int, horizon: int, seasons: tuple[int, ...]) -> None:
        super().__init__()
        assert all(1 <= season <= window for season in seasons), (seasons, window)
        ahead_H = torch.arange(1, horizon + 1)
        lags = [window - 1 - ((-ahead_H) % season) for season in seasons]
        self.register_buffer("lags_KH", torch.stack(lags), persistent=False)
        self.gate = nn.Linear(hidden, len(seasons))
        self.line = nn.Linear(window, horizon, bias=False)
        for weight in (self.gate.weight, self.gate.bias, self.line.weight):
            nn.init.zeros_(weight)

    def forward(self, hidden: Tensor, window: Tensor) -> Tensor:
        share = self.gate(hidden).softmax(-1)
        anchors: Tensor = self.line(window)
        for k, lags_H in enumerate(self.lags_KH):
            anchors = anchors + share[..., k : k + 1] * window[..., lags_H]
        return anchors
