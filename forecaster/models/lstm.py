"""Long short-term memory."""

from typing import ClassVar

from torch import nn

from forecaster.layers.recurrent import RecurrentStack
from forecaster.models.base import Memory, OnePass

__all__ = ["Lstm"]


class Lstm(OnePass):
    """A stack of LSTM layers over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: a causal stand-in in the window, with flags beside it where training had gaps
    Fails:   on a handful of short series there are more weights than values; take size s there
    Source:  Hochreiter and Schmidhuber (1997), Neural Computation 9(8)
    """

    memory: ClassVar[Memory] = "state"

    def build_encoder(self) -> nn.Module:
        return RecurrentStack("lstm", self.config.width, self.config.depth, self.config.dropout)
