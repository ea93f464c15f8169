"""What a detector says of rows."""

from dataclasses import dataclass

from forecaster.series.grid import Floats

__all__ = ["Sight", "Views"]


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
