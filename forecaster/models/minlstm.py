"""Minimal LSTM: gates that see the input alone, so that time is one parallel scan."""

from typing import ClassVar

from torch import nn

from forecaster.layers.minimal import MinimalStack, MinLstmLayer
from forecaster.models.base import Memory, OnePass

__all__ = ["MinLstm"]


class MinLstm(OnePass):
    """A stack of minimal LSTM layers over the scaled lag windows; a small network follows each layer.

    Gates read the input, and not the state that the layer has so far. So a layer's states at all steps are computed at
    once, not one after the other.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   where a gate must depend on what is remembered, as in counting or comparing; more layers help
    Source:  Feng et al. (2024), Were RNNs all we needed?, arXiv 2410.01201
    """

    memory: ClassVar[Memory] = "state"

    def build_encoder(self) -> nn.Module:
        return MinimalStack(MinLstmLayer, self.config.width, self.config.depth, self.config.dropout)
