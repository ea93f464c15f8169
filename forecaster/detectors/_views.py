"""What a detector says of rows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["PLAIN", "Kinds", "Sight", "Views"]


class Kinds(NamedTuple):
    """How many of the last views are of a special kind: first faint hints, then hints, then chances."""

    hints: int = 0
    """They open events, but are too coarse to say how strange a row is."""
    chances: int = 0
    """-log10 of p-values that need no calibration; they open events, too."""
    faint: int = 0
    """Hints that a tenth is believed of, as single rows are strange by themselves often where noise has heavy tails."""


PLAIN = Kinds()


@dataclass(frozen=True)
class Views:
    """What a detector says of every row of a grid.

    Shapes:  `scores` [N, V]: V views of each row, higher is stranger, each on a scale of its own;
        `expected`, `lower`, `upper` [N] in units of y; `sign` [N]: above (1) or below (-1) what was expected
    Missing: NaN where a row is missing or nothing can be said yet
    """

    scores: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    sign: Floats


@dataclass(frozen=True)
class Sight:
    """Views of the newest row of some series, and quantiles at `columns.LEVELS` of the row that comes next.

    Shapes:  views of [n] rows; ahead [n, Q], NaN where the detector expects nothing
    """

    views: Views
    ahead: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Sight]") -> "Sight":
        """Several, one after the other."""
        views = (np.concatenate([getattr(one.views, field.name) for one in parts]) for field in fields(Views))
        return cls(Views(*views), np.concatenate([one.ahead for one in parts]))

    def take(self, rows: Ints) -> "Sight":
        """Some of its rows."""
        return Sight(Views(*(getattr(self.views, field.name)[rows] for field in fields(Views))), self.ahead[rows])
