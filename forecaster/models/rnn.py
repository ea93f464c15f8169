"""Elman's recurrent network."""

from typing import ClassVar

from forecaster.layers.recurrent import Cell
from forecaster.models._recurrent import Recurrent

__all__ = ["Rnn"]


class Rnn(Recurrent):
    """A stack of plain tanh layers, h_t = tanh(W_h h_{t-1} + W_x x_t + b), over the scaled lag windows.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   on long memories: gradients through many steps vanish or explode; take lstm there
    Source:  Elman (1990), Cognitive Science 14(2)
    """

    cell: ClassVar[Cell] = "rnn"
