"""Clips gradients by their global norm, at a given limit or at one that follows recent norms."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

__all__ = ["Clipping"]

_LATE = 100
"""Number of recent steps whose norms are kept."""
_QUANTILE = 0.5
"""The quantile of these norms that is the limit."""
_FIRST = 1.0
"""Limit until a norm is known."""


class Clipping:
    """Scales gradients down to a limit; 0 takes a quantile of recent norms.

    Source: AutoClip, Seetharaman et al. (2020), takes a quantile of all norms so far; here only recent steps count,
        because norms fall by orders of magnitude during training
    """

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self.norms: list[float] = []

    def clip(self, parameters: Iterable[torch.nn.Parameter]) -> Tensor:
        """Clip the gradients of these parameters, and return their norm before that."""
        norm = clip_grad_norm_(parameters, self.limit or self._of_late())
        if not self.limit:
            self.norms = [*self.norms[1 - _LATE :], float(norm)]
        return norm

    def _of_late(self) -> float:
        return float(np.quantile(self.norms, _QUANTILE)) if self.norms else _FIRST
