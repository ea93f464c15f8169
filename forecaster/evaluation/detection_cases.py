"""A detector's results on every labelled row of a table, by series, in the form that anomaly metrics read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from forecaster.anomaly_metrics.base import Case
from forecaster.evaluation.buffer import period
from forecaster.scoring.alarms import NO_VIEW, Alarms
from forecaster.scoring.detected import Detected
from forecaster.scoring.events import merge
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import Rules
from forecaster.series.frame import Checked
from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Bools

__all__ = ["Cases", "Labelled", "detected_cases", "random_cases"]

Cases = dict[str, Case]
"""By `unique_id`; channels count as the whole that they are."""


@dataclass(frozen=True)
class Labelled:
    """A table on its grids, which of its rows are anomalies, and where each series' training part ends.

    Shapes: labels [rows of the input]; ends holds one array [S] for each grid
    """

    checked: Checked
    labels: Bools
    ends: list[Ints]
    false_alarms: str


def detected_cases(labelled: Labelled, detected: list[Detected]) -> Cases:
    """Cases from a detection; with several channels those of the whole."""

    def told(number: int, first: int) -> tuple[Alarms, Ints]:
        one = detected[number]
        if first in one.whole:
            alarms, _, numbers = one.whole[first]
            return alarms, numbers
        return one.alarms[first], one.numbers[first]

    return _cases(labelled, told)


def random_cases(labelled: Labelled, *, seed: int = 1) -> Cases:
    """Cases of a detector that knows nothing: uniform p-values, and alarms at the requested rate."""
    random = np.random.default_rng(seed)

    def told(number: int, first: int) -> tuple[Alarms, Ints]:
        grid = labelled.checked.grids[number]
        p_T = random.uniform(np.nextafter(0, 1), 1, grid.lengths[first])
        p_T[np.isnan(grid.values(first))] = np.nan
        rate = alarms_per_row(labelled.false_alarms, grid.frequency)
        alarm_T = (p_T < rate) & (np.arange(len(p_T)) >= labelled.ends[number][first])
        alarms = Alarms(p_T, alarm_T, -np.log10(p_T), p_T, np.full(len(p_T), NO_VIEW))
        return alarms, merge(alarms, np.zeros(len(p_T)), Rules().at(rate).gap)[1]

    return _cases(labelled, told)


def _cases(labelled: Labelled, told: Callable[[int, int], tuple[Alarms, Ints]]) -> Cases:
    """A case for each `unique_id`, with its input rows in time order."""
    found = {}
    for number, grid in enumerate(labelled.checked.grids):
        for first, rows, positions in _series_rows(labelled.checked, number):
            alarms, numbers = told(number, first)
            end = int(labelled.ends[number][first])
            found[str(grid.unique_id[first])] = Case(
                labelled.labels[rows],
                alarms.scores[positions],
                alarms.p_values[positions],
                numbers[positions],
                begin=int(np.searchsorted(positions, end)),
                buffer=period(grid.values(first)[:end]),
                rate=alarms_per_row(labelled.false_alarms, grid.frequency),
                week=_week(grid.frequency),
            )
    return found


def _series_rows(checked: Checked, number: int) -> Iterator[tuple[int, Ints, Ints]]:
    """For each `unique_id` on a grid: its first series, its input rows in time order, and their positions."""
    rows = np.flatnonzero((checked.grid_of == number) & (checked.series_of >= 0))
    rows = rows[np.lexsort((checked.position_of[rows], checked.series_of[rows]))]
    starts = np.flatnonzero(np.diff(checked.series_of[rows], prepend=-1))
    for mine in np.split(rows, starts[1:]):
        first = int(checked.series_of[mine[0]])
        inside = mine[checked.position_of[mine] < checked.grids[number].lengths[first]]
        yield first, inside, checked.position_of[inside]


def _week(frequency: Frequency) -> float:
    """Number of rows in a week; NaN if steps are not times."""
    return 7 * DAY / frequency.micros if frequency.micros else float("nan")
