"""The output of a detector for rows: scores, expected values and bands."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["PLAIN", "Kinds", "Sight", "Views"]


class Kinds(NamedTuple):
    """How many of the last views are of special kinds; in order: faint hints, hints, chances."""

    hints: int = 0
    """Hints can open events, but are too coarse to measure how strange a row is."""
    chances: int = 0
    """Chances are -log10 of p-values that need no calibration; they can open events, too."""
    faint: int = 0
    """Hints that must be ten times as rare to count: under heavy-tailed noise single rows often look strange."""


PLAIN = Kinds()


@dataclass(frozen=True)
class Views:
    """A detector's output for every row of a grid.

    Shapes:  `scores` [N, V]: V views of each row, higher is stranger, each on a scale of its own;
        `expected`, `lower`, `upper` [N] in units of y; `sign` [N]: above (1) or below (-1) the expected value
    Missing: NaN where a row is missing or cannot be judged yet
    """

    scores: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    sign: Floats


@dataclass(frozen=True)
class Sight:
    """Views of the newest row of some series, and quantiles at `columns.LEVELS` for the next row.

    Shapes:  views of [n] rows; ahead [n, Q], NaN if the detector does not forecast
    """

    views: Views
    ahead: Floats

    @classmethod
    def joined(cls, parts: "Sequence[Sight]") -> "Sight":
        """Several sights concatenated."""
        views = (np.concatenate([getattr(one.views, field.name) for one in parts]) for field in fields(Views))
        return cls(Views(*views), np.concatenate([one.ahead for one in parts]))

    def take(self, rows: Ints) -> "Sight":
        """Only some of the rows."""
        return Sight(Views(*(getattr(self.views, field.name)[rows] for field in fields(Views))), self.ahead[rows])
