"""Channels of one name as a whole: the views that are judged, from those of its channels."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors.base import Kinds
from forecaster.scoring.together import Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["Channels", "kinds_of", "patience_of", "whole_views"]

_PATIENCE = 10
"""Gaps that an event of channels together must last before its rows count as usual: the levels of a machine that
changed its ways are worth being told of for longer than those of one channel."""


@dataclass(frozen=True)
class Channels:
    """What is known of the channels in some rows. Shapes: [time, C], `scores` [time, C, V]"""

    y: Floats
    scores: Floats
    sign: Floats
    p_values: Floats

    @property
    def first(self) -> Floats:
        """Sizes of the first view."""
        return np.abs(self.scores[..., 0])

    def take(self, rows: Ints) -> "Channels":
        """Some of the rows."""
        return Channels(*(part[rows] for part in (self.y, self.scores, self.sign, self.p_values)))


def whole_views(together: Together, some: Channels, faded: Floats) -> tuple[Floats, Floats]:
    """Views of the whole, and the sign of the channel that adds most; of one channel that alone counts, its own.

    Shapes: [time, V'], [time]; faded [2]: what `Together.strange` remembers of the rows before, brought up to date
    """
    moves_T = together.moves(some.y, some.p_values)
    if together.only is not None:
        return np.column_stack([some.scores[:, together.only], moves_T]), some.sign[:, together.only]
    views_TV = np.column_stack([together.strange(some.y, some.first, faded), moves_T])
    most_T = np.argmax(together.parts(some.first), axis=1)
    return views_TV, some.sign[np.arange(len(most_T)), most_T]


def kinds_of(together: Together, own: Kinds) -> Kinds:
    """Kinds of the views of a whole, where a channel has its `own`."""
    return together.kinds(own if together.only is not None else None)


def patience_of(together: Together, gap: int) -> int:
    """Rows that an event of the whole must last before they count as usual."""
    return 0 if together.only is not None else _PATIENCE * gap
