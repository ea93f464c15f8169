"""Static features of a series: numbers as they are, categories as learnt embeddings."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Statics"]

_WIDEST = 8
_FORGOTTEN = 0.1
"""Share of the categories that training takes for unknown ones: so the point of those is learnt, too."""


class Statics(nn.Module):
    """Numbers, then one embedding per categorical feature. Category 0 is always 'other': unknown or missing.

    Shapes:  [B, K] -> [B, width]; the last columns hold numbers of categories
    Source:  Guo and Berkhahn (2016), Entity embeddings of categorical variables, arXiv 1604.06737
    """

    def __init__(self, numbers: int, categories: Sequence[int]) -> None:
        super().__init__()
        widths = [min(_WIDEST, (size + 1) // 2) for size in categories]
        tables = [nn.Embedding(*shape) for shape in zip(categories, widths, strict=True)]
        for table in tables:
            nn.init.normal_(table.weight, std=0.1)
        self.tables = nn.ModuleList(tables)
        self.numbers, self.width = numbers, numbers + sum(widths)

    def forward(self, static_BK: Tensor) -> Tensor:
        if not self.tables:
            return static_BK
        known_BG = static_BK[:, self.numbers :].long()
        if self.training:
            known_BG = known_BG * (torch.rand(known_BG.shape, device=known_BG.device) >= _FORGOTTEN)
        points = [table(known_BG[:, g]) for g, table in enumerate(self.tables)]
        return torch.cat([static_BK[:, : self.numbers], *points], -1)
