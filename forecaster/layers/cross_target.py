"""What each of several targets reads of all of them."""

import torch
from torch import Tensor, nn

__all__ = ["CrossTargetLinear"]


class CrossTargetLinear(nn.Module):
    """A linear map for each target, from the newest values of all targets to some numbers for the encoder.

    Shapes: [B, C, T, L], [B] -> [B, T, width]
    """

    def __init__(self, targets: int, lags: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(targets, targets * lags, width) / (targets * lags) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(targets, width))

    def forward(self, seen_BCTL: Tensor, place_B: Tensor) -> Tensor:
        seen_BTX = seen_BCTL.transpose(1, 2).flatten(2)
        return torch.baddbmm(self.bias[place_B][:, None], seen_BTX, self.weight[place_B])
