"""What a training run needs from a network."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from forecaster.panel.batch import Batch

__all__ = ["Trainable"]


class Trainable(nn.Module, ABC):
    """A network with a loss over the cutoffs of a stretch, and weights that can be saved and restored."""

    unit_H: Tensor
    """Unit of the loss at each horizon step."""

    @abstractmethod
    def carried_loss(self, batch: Batch, weight_BTH: Tensor, state: Any) -> tuple[Tensor, Any]:
        """The loss of stretches that continue from a state (None: a new start), and the state for the next ones."""

    def loss(self, batch: Batch, weight_BTH: Tensor) -> Tensor:
        """Mean loss over all cutoffs and horizons with a weight. Shapes: weight [B, T, H] -> scalar"""
        return self.carried_loss(batch, weight_BTH, None)[0]

    @property
    def weights(self) -> int:
        """Number of trained weights."""
        return sum(p.numel() for p in self.parameters())

    def snapshot(self) -> dict[str, Tensor]:
        """A copy of the weights on the CPU."""
        return {name: value.detach().to("cpu", copy=True) for name, value in self.state_dict().items()}

    def restore(self, weights: dict[str, Tensor]) -> None:
        """Restore weights from `snapshot`."""
        with torch.no_grad():
            self.load_state_dict(weights)
