"""Gated recurrent unit."""

from typing import ClassVar

from torch import nn

from forecaster.layers.recurrent import RecurrentStack
from forecaster.models.base import Memory, OnePass

__all__ = ["Gru"]


class Gru(OnePass):
    """A stack of GRU layers over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: a causal stand-in in the window, with flags beside it where training had gaps
    Fails:   as lstm does, and on CPU it takes about twice its time
    Source:  Cho et al. (2014), EMNLP
    """

    memory: ClassVar[Memory] = "state"

    def build_encoder(self) -> nn.Module:
        return RecurrentStack("gru", self.config.width, self.config.depth, self.config.dropout)
