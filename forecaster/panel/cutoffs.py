"""Which stretches a training step sees: arithmetic on series lengths, no list of windows."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Stretches"]


@dataclass(frozen=True)
class Stretches:
    """Stretches of T cutoffs, drawn so that every cutoff of every series is about as likely.

    Shapes: `ends_S` [S]: only values before this position are targets; series that end before they have
        one target are never drawn
    """

    ends_S: Tensor
    steps: int

    @property
    def cutoffs(self) -> int:
        """Cutoffs with at least one target, over all series."""
        return int((self.ends_S - 1).clamp(min=0).sum())

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Series and first positions of some stretches: [count], [count]."""
        weights_S = (self.ends_S - 1).clamp(min=0).to(torch.float64)
        edges_S = weights_S.cumsum(0)
        device = self.ends_S.device
        point_B = torch.rand(count, generator=generator, dtype=torch.float64).to(device) * edges_S[-1]
        series_B = torch.searchsorted(edges_S, point_B, right=True).clamp(max=len(edges_S) - 1)
        # A little over both ends, then held inside: the first and the newest cutoffs are not seen less.
        last_B = (self.ends_S[series_B] - 1 - self.steps).clamp(min=0)
        over = self.steps // 4
        place_B = torch.rand(count, generator=generator, dtype=torch.float64).to(device)
        first_B = (place_B * (last_B + 1 + 2 * over)).long() - over
        return series_B, torch.minimum(first_B.clamp(min=0), last_B)
