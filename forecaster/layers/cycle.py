"""A learnt cycle with one value per step, looked up by the calendar and not by a series' past."""

import torch
from torch import Tensor, nn

__all__ = ["Cycle"]


class Cycle(nn.Module):
    """One table for all series, plus what their static features add to it. It is initialised to zero.

    Shapes:  [B], [B, K] -> [B, T, M]; number m is the value m steps after each step
    Source:  Lin et al. (2024), CycleNet, NeurIPS, with a table for each channel
    """

    def __init__(self, length: int, statics: int) -> None:
        super().__init__()
        self.length = length
        self.shared = nn.Parameter(torch.zeros(length))
        self.own = nn.Linear(statics, length, bias=False) if statics else None
        if self.own is not None:
            nn.init.zeros_(self.own.weight)

    def forward(self, number_B: Tensor, static_BK: Tensor, steps: int) -> Tensor:
        table_BM = self.shared.expand(len(number_B), -1)
        if self.own is not None:
            table_BM = table_BM + self.own(static_BK)
        step_M = torch.arange(self.length, device=number_B.device)
        step_T1 = torch.arange(steps, device=number_B.device)[:, None]
        place_BTM = (number_B[:, None, None] + step_T1 + step_M) % self.length
        return table_BM[:, None].expand(-1, steps, -1).gather(2, place_BTM)
