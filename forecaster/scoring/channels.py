"""The channels of one name in some rows, and the views of the whole made from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecaster.aggregations.base import Aggregation
from forecaster.detectors.base import Kinds, Views
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.together import Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["Channels", "kinds_of", "patience_of", "side_by_side", "view_names_of", "whole_views"]

_JOINED, _MOVED = "channels together", "move of a constant channel"
"""Names of the views of a whole."""
_PATIENCE = 10
"""An event of a whole must last this many gaps before its rows count as normal: a lasting change of a whole machine is
worth reporting for longer than that of one channel."""


@dataclass(frozen=True)
class Channels:
    """The channels of one name in some rows. Shapes: [time, C], `scores` [time, C, V]"""

    y: Floats
    scores: Floats
    sign: Floats
    while_open: Floats
    """As in `Alarms`."""
    strangeness: Floats

    @classmethod
    def of(cls, grid: Grid, views: Views, alarms: Sequence[Alarms], members: Ints) -> "Channels":
        """From the series `members` of a grid, and the alarms of every series."""
        y_TC, sign_TC, scores_TCV = (side_by_side(grid, part, members) for part in (grid.y, views.sign, views.scores))
        some = [alarms[s] for s in members]
        while_open_TC, strangeness_TC = (
            np.stack([getattr(one, name) for one in some], axis=1) for name in ("while_open", "strangeness")
        )
        return cls(y_TC, scores_TCV, sign_TC, while_open_TC, strangeness_TC)

    @property
    def first(self) -> Floats:
        """Absolute values of the first view."""
        return np.abs(self.scores[..., 0])

    def take(self, rows: Ints) -> "Channels":
        """The chosen rows."""
        return Channels(*(part[rows] for part in vars(self).values()))


def side_by_side(grid: Grid, part: Any, members: Ints) -> Any:
    """The part of an array over a grid's rows for series with equal times. Shapes: [N, ...] -> [time, C, ...]"""
    return np.stack([part[grid.offsets[s] : grid.offsets[s + 1]] for s in members], axis=1)


def whole_views(together: Together, some: Channels, by: Aggregation, faded: Floats) -> tuple[Floats, Floats]:
    """Views of the whole, and the sign of the channel that adds most; if only one channel counts, its own views.

    Shapes: [time, V'], [time]; faded [2]: state of `Together.distance` from earlier rows, updated in place
    """
    moves_T = together.moves(some.y, some.while_open)
    if together.only is not None:
        return np.column_stack([some.scores[:, together.only], moves_T]), some.sign[:, together.only]
    views_TV = np.column_stack([together.strange(some.y, some.first, some.strangeness, by, faded), moves_T])
    most_T = np.argmax(together.parts(some.first), axis=1)
    return views_TV, some.sign[np.arange(len(most_T)), most_T]


def kinds_of(together: Together, own: Kinds) -> Kinds:
    """Kinds of a whole's views: one joint view, or the only channel's `own`; plus the chance from `Together.moves`."""
    if together.only is None:
        return Kinds(chances=1)
    return own._replace(chances=own.chances + 1)


def view_names_of(together: Together, own: Sequence[str]) -> tuple[str, ...]:
    """Names of a whole's views, from those of its channels."""
    return (_JOINED, _MOVED) if together.only is None else (*own, _MOVED)


def patience_of(together: Together, gap: int) -> int:
    """Number of rows that an event of the whole must last before its rows count as normal."""
    return 0 if together.only is not None else _PATIENCE * gap
