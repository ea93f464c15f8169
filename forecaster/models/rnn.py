"""Elman's recurrent network."""

from typing import ClassVar

from torch import nn

from forecaster.layers.recurrent import RecurrentStack
from forecaster.models.base import Memory, OnePass

__all__ = ["Rnn"]


class Rnn(OnePass):
    """A stack of plain tanh layers, h_t = tanh(W_h h_{t-1} + W_x x_t + b), over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: a causal stand-in in the window, with flags beside it where training had gaps
    Fails:   on long memories: gradients through many steps vanish or explode; take lstm there
    Source:  Elman (1990), Cognitive Science 14(2)
    """

    memory: ClassVar[Memory] = "state"

    def build_encoder(self) -> nn.Module:
        return RecurrentStack("rnn", self.config.width, self.config.depth, self.config.dropout)
