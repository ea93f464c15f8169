"""GRU with attention over its past states."""

from typing import ClassVar

from forecaster.layers.recurrent import Cell
from forecaster.models._attended import Attended

__all__ = ["AttentionGru"]


class AttentionGru(Attended):
    """A stack of GRU layers; each state attends to the states before it, and forecasts see both.

    Shapes:  see `OnePass`; `api.attention` gives the weights of the last forecasts
    Missing: as in gru; what lies before the series has weight 0
    Fails:   as gru does; if the state already remembers all that matters, attention costs time and gains nothing
    Source:  Bahdanau, Cho and Bengio (2015), ICLR (additive); Luong, Pham and Manning (2015), EMNLP (dot)
    """

    cell: ClassVar[Cell] = "gru"
    cost: ClassVar[float] = 2.0
