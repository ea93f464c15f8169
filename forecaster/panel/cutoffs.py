"""Which stretches a training step sees: arithmetic on series lengths, no list of windows."""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Stretches"]


@dataclass(frozen=True)
class Stretches:
    """Stretches of T cutoffs from the series of `chosen`, in proportion to `weights_S`.

    Shapes: `ends_S` [S]: only values before this position are targets; series without a single target are never
        drawn
    """

    ends_S: Tensor
    steps: int
    weights_S: Tensor
    share: float = 1.0
    """How often a step is made of these, where there are several buckets."""

    @classmethod
    def by_length(cls, ends_S: Tensor, steps: int) -> "Stretches":
        """From all series, longer ones more often; cutoffs of series shorter than a stretch are drawn less often."""
        return cls(ends_S, steps, _cutoffs(ends_S))

    @classmethod
    def buckets(cls, ends_S: Tensor, steps: int, count: int) -> "tuple[Stretches, ...]":
        """Buckets of series of similar length, with about equally many cutoffs; stretches are as long as the longest.

        Each step draws from one bucket, and as many cutoffs as any other step; so every cutoff is equally likely.
        """
        cutoffs_S = _cutoffs(ends_S)
        order = torch.argsort(cutoffs_S, stable=True)
        middle = cutoffs_S[order].cumsum(0) - cutoffs_S[order] / 2
        bucket_S = torch.empty_like(order)
        bucket_S[order] = (middle / cutoffs_S.sum() * count).long().clamp(max=count - 1)
        made = []
        for number in range(count):
            inside_S = torch.where(bucket_S == number, cutoffs_S, 0.0)
            if inside_S.sum() == 0:
                continue
            own = min(steps, int(inside_S.max()))
            # A draw gives min(cutoffs, T) of a series' cutoffs, and a step has room for 1 / T as many draws.
            weights_S = inside_S / inside_S.clamp(min=1, max=own)
            made.append(cls(ends_S, own, weights_S, float(weights_S.sum()) * own))
        return tuple(made)

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Series and first positions of some stretches: [count], [count]."""
        edges_S = self.weights_S.cumsum(0)
        device = self.ends_S.device
        point_B = torch.rand(count, generator=generator, dtype=torch.float64).to(device) * edges_S[-1]
        series_B = torch.searchsorted(edges_S, point_B, right=True).clamp(max=len(edges_S) - 1)
        # Draw slightly beyond both ends, then clip: so the first and the newest cutoffs are not drawn less often.
        last_B = (self.ends_S[series_B] - 1 - self.steps).clamp(min=0)
        over = self.steps // 4
        place_B = torch.rand(count, generator=generator, dtype=torch.float64).to(device)
        first_B = (place_B * (last_B + 1 + 2 * over)).long() - over
        return series_B, torch.minimum(first_B.clamp(min=0), last_B)


def _cutoffs(ends_S: Tensor) -> Tensor:
    """Cutoffs with at least one target. Shapes: [S] -> [S] float64"""
    return (ends_S - 1).clamp(min=0).to(torch.float64)
