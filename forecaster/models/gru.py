"""Gated recurrent unit."""

from typing import ClassVar

from forecaster.layers.recurrent import Cell
from forecaster.models._recurrent import Recurrent

__all__ = ["Gru"]


class Gru(Recurrent):
    """A stack of GRU layers over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   as lstm does, and a step costs more on CPU
    Source:  Cho et al. (2014), EMNLP
    """

    cell: ClassVar[Cell] = "gru"
