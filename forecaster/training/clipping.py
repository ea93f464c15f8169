"""Clipping of gradients by their global norm, at a limit that is given or follows the norms of late."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

__all__ = ["Clipping"]

_LATE = 100
"""Steps whose norms are looked back on."""
_QUANTILE = 0.5
"""Where among them the limit lies."""
_FIRST = 1.0
"""Limit while no norm is known."""


class Clipping:
    """Scales gradients down to a limit; 0 takes a quantile of the norms of late.

    Source: limits at a quantile of the norms so far are AutoClip, Seetharaman et al. (2020); here of the last steps only,
        because norms fall by orders of magnitude in a training
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.norms: list[float] = []

    def clip(self, parameters: Iterable[torch.nn.Parameter]) -> Tensor:
        """Clip their gradients; the norm that there was."""
        norm = clip_grad_norm_(parameters, self.limit or self._of_late())
        if not self.limit:
            self.norms = [*self.norms[1 - _LATE :], float(norm)]
        return norm

    def _of_late(self) -> float:
        return float(np.quantile(self.norms, _QUANTILE)) if self.norms else _FIRST
