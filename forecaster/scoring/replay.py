"""Judges stored scores again, by other rules or at another rate, without a detector."""

import numpy as np
import pandas as pd

from forecaster.columns import EXPECTATION, OPENING_P, P_VALUE, REPLAYED, STRANGENESS
from forecaster.detectors.base import Views
from forecaster.scoring.alarms import NO_VIEW, Alarms
from forecaster.scoring.budget import Budget
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import distances, merge
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.series.frame import Checked
from forecaster.series.grid import Floats, Grid

__all__ = ["replay"]


def replay(checked: Checked, scores: pd.DataFrame, how: Detection) -> list[Detected]:
    """Alarms and events from stored scores. Shapes: `scores` are the rows that `checked` was made of

    Missing: a row without `opening_p`, stored by an earlier version, raises no alarm
    """
    return [_replayed(grid, _placed(checked, number, scores), how) for number, grid in enumerate(checked.grids)]


def _placed(checked: Checked, number: int, scores: pd.DataFrame) -> dict[str, Floats]:
    """The stored values, on the rows of a grid."""
    rows = np.flatnonzero((checked.grid_of == number) & (checked.series_of >= 0))
    grid = checked.grids[number]
    at = grid.offsets[checked.series_of[rows]] + checked.position_of[rows]
    placed = {name: np.full(len(grid.y), np.nan) for name in REPLAYED}
    for name, values in placed.items():
        values[at] = scores[name].to_numpy(float)[rows]
    return placed


def _replayed(grid: Grid, stored: dict[str, Floats], how: Detection) -> Detected:
    rate, opening = alarms_per_row(how.false_alarms, grid.frequency), stored[OPENING_P]
    expected, lower, upper = (stored[name] for name in EXPECTATION)
    rules = how.rules.at(rate)
    views = Views(-np.log10(opening)[:, None], expected, lower, upper, np.sign(grid.y - expected))
    working_N = Maintenance.of(rules.maintenance, grid.clock).working(grid)
    may_N = admitted(rules, grid.y, expected, views.sign) & working_N
    far_N = distances(grid.y, expected, lower, upper)
    alarms, events, numbers = [], [], []
    for s in range(grid.series):
        rows = slice(grid.offsets[s], grid.offsets[s + 1])
        alarm_T, *_ = Budget(rate, rules).spend(opening[rows], 0, rate, may_N[rows])
        unseen = np.full(len(alarm_T), NO_VIEW)
        alarms.append(Alarms(stored[P_VALUE][rows], alarm_T, stored[STRANGENESS][rows], opening[rows], unseen))
        found, number_T = merge(alarms[-1], views.sign[rows], rules.gap, far_N[rows])
        events.append(found)
        numbers.append(number_T)
    return Detected(grid, views, alarms, events, numbers, np.zeros(grid.series, np.int64), {}, None, {}, rules.gap)
