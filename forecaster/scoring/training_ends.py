"""Where the training part of a detection ends."""

import numpy as np
import pandas as pd

from forecaster.errors import ConfigError
from forecaster.scoring.flagged import flagged
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools

__all__ = ["training_ends"]

_SHARE, _MOST = 0.15, 750
"""Training part without either option: this share of a series, at most this many rows."""


def training_ends(
    checked: Checked, frame: pd.DataFrame, *, train_until: object = None, test_column: str | None = None
) -> list[Ints]:
    """Where each series' training part ends: one array [S] of positions for each grid.

    Without either option, it is the first 15 % of a series, at most 750 rows.

    Raises: ConfigError for both options at once, for a column that is absent or holds text, or if no row is left to
        score
    """
    if train_until is not None and test_column is not None:
        raise ConfigError("--train-until and --test-column exclude each other.")
    tested = None if test_column is None else flagged(frame, test_column, "--test-column")
    found = []
    for number, grid in enumerate(checked.grids):
        if train_until is not None:
            found.append(grid.position_of(grid.clock.instant(train_until, "--train-until")) + 1)
        elif tested is not None:
            found.append(_first_test_rows(checked, number, tested))
        else:
            found.append(np.minimum((grid.lengths * _SHARE).astype(np.int64), _MOST))
    if all((ends >= grid.lengths).all() for grid, ends in zip(checked.grids, found, strict=True)):
        how = f"--train-until {train_until}" if test_column is None else f"--test-column {test_column}"
        raise ConfigError(f"{how}: every row is a training row, none is left to score.")
    return found


def _first_test_rows(checked: Checked, number: int, tested: Bools) -> Ints:
    """Position of the first test row of each series, its length if there is none. Shapes: [rows of the input] -> [S]"""
    grid = checked.grids[number]
    rows = np.flatnonzero((checked.grid_of == number) & (checked.series_of >= 0) & tested)
    ends = grid.lengths.copy()
    for channel in range(len(checked.roles.targets)):
        np.minimum.at(ends, checked.series_of[rows] + channel, checked.position_of[rows])
    return ends
