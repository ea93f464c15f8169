"""A model between its scale and its head: values in, quantiles in the same units out."""

import torch
from torch import Tensor, nn

from forecaster.heads.base import Head
from forecaster.models.base import Inputs, Model
from forecaster.panel.batch import Batch
from forecaster.scales.base import Scale

__all__ = ["Network"]

_FURTHEST = 30.0
"""Targets beyond so many spreads count as that far: a first value after a flat line is no lesson."""


class Network(nn.Module):
    """Scale, model and head as one; the only thing that training and scoring call."""

    def __init__(self, model: Model, scale: Scale, head: Head) -> None:
        super().__init__()
        self.model = model
        self.scale = scale
        self.head = head

    def loss(self, batch: Batch, weight_BTH: Tensor) -> Tensor:
        """Mean loss over all cutoffs and horizons with a weight. Shapes: weight [B, T, H] -> scalar"""
        params_BTHP = self.model(Inputs.of(batch, self.scale))
        return self.head.loss(params_BTHP, self.targets(batch), weight_BTH)

    def targets(self, batch: Batch) -> Tensor:
        """Targets in units, [B, T, H] float32."""
        level, spread = batch.level_BT[..., None], batch.spread_BT[..., None]
        return self.scale.forward(batch.targets_BTH, level, spread).clamp(-_FURTHEST, _FURTHEST).float()

    def scaled_quantiles(self, batch: Batch) -> Tensor:
        """Quantiles in units from every cutoff, [B, T, H, Q]."""
        return self.head.quantiles(self.model(Inputs.of(batch, self.scale)))

    def unscaled(self, quantiles: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Quantiles in the series' own units. Shapes: [..., H, Q], [...], [...] -> [..., H, Q] float64"""
        return self.scale.inverse(quantiles.double(), level[..., None, None], spread[..., None, None])

    @property
    def weights(self) -> int:
        """Number of trained weights."""
        return sum(p.numel() for p in self.parameters())

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the weights on the CPU."""
        return {name: value.detach().to("cpu", copy=True) for name, value in self.state_dict().items()}

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Take weights from `snapshot`."""
        with torch.no_grad():
            self.load_state_dict(weights)
