"""Seasonal anchors: where forecasts start, before a network has learned anything."""

import torch
from torch import Tensor, nn

__all__ = ["Anchors"]

_LEAST_ERROR = 0.02


class Anchors(nn.Module):
    """A gated blend of the values one lag back, plus a linear map of the window where `line` says so.

    The blend begins as `choose_starts` makes it, the map as zero.

    Shapes:  hidden [..., D], window [..., W] -> [..., H]
    Source:  seasonal anchors as in Smyl (2020), IJF 36(1); the linear map is NLinear's, Zeng et al. (2023),
        AAAI
    """

    lags_KH: Tensor

    def __init__(self, hidden: int, window: int, horizon: int, seasons: tuple[int, ...], *, line: bool = True) -> None:
        super().__init__()
        assert all(1 <= season <= window for season in seasons), (seasons, window)
        ahead_H = torch.arange(1, horizon + 1)
        lags = [window - 1 - ((-ahead_H) % season) for season in seasons]
        self.register_buffer("lags_KH", torch.stack(lags), persistent=False)
        self.gate = nn.Linear(hidden, len(seasons))
        self.line = nn.Linear(window, horizon, bias=False) if line else None
        for weight in self.parameters():
            nn.init.zeros_(weight)

    def forward(self, hidden: Tensor, window: Tensor) -> Tensor:
        share = self.gate(hidden).softmax(-1)
        lagged = [window.index_select(-1, lags_H) for lags_H in self.lags_KH]
        parts: list[Tensor] = [share[..., k : k + 1] * values for k, values in enumerate(lagged)]
        if self.line is not None:
            parts.append(self.line(window))
        return sum(parts[1:], start=parts[0])

    @torch.no_grad()
    def choose_starts(self, window: Tensor, target: Tensor, weight: Tensor) -> None:
        """Begin with each lag's share by the inverse square of its error on some rows.

        Shapes: [..., W], [..., H], [..., H]
        """
        counted_H = weight.flatten(0, -2).sum(0).clamp(min=1e-9)
        errors = [((target - window[..., lags_H]).abs() * weight).flatten(0, -2).sum(0) for lags_H in self.lags_KH]
        error_KH = (torch.stack(errors) / counted_H).clamp(min=_LEAST_ERROR)
        logits_KH = -2 * error_KH.log()
        self.gate.bias.copy_((logits_KH - logits_KH.mean(0)).mean(1))
