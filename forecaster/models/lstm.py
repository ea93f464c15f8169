"""Long short-term memory."""

from typing import ClassVar

from forecaster.layers.recurrent import Cell
from forecaster.models._recurrent import Recurrent

__all__ = ["Lstm"]


class Lstm(Recurrent):
    """A stack of LSTM layers over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   on a few short series, which have fewer values than it has weights; take size s there
    Source:  Hochreiter and Schmidhuber (1997), Neural Computation 9(8)
    """

    cell: ClassVar[Cell] = "lstm"
