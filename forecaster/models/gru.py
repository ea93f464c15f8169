"""Gated recurrent unit."""

from typing import ClassVar

from forecaster.layers.recurrent import Cell
from forecaster.models._recurrent import Recurrent

__all__ = ["Gru"]


class Gru(Recurrent):
    """A stack of GRU layers over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: a causal stand-in in the window, with flags beside it where training had gaps
    Fails:   as lstm does, and on CPU it takes about twice its time
    Source:  Cho et al. (2014), EMNLP
    """

    cell: ClassVar[Cell] = "gru"
