"""Does a model still do what it promised? Said of its forecasts that came due, with their uncertainty."""

from dataclasses import dataclass

import numpy as np

from forecaster.evaluation.matured import Matured
from forecaster.evaluation.promotion import COVERAGE_BAND
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scoreboard import Scoreboard, Sums
from forecaster.evaluation.significance import Interval, ratio, wider

__all__ = ["Verdict", "verdict"]

_WORSE = 1.2
"""Factor on the promised share of seasonal naive's error above which a model has become worse."""


@dataclass(frozen=True)
class Verdict:
    """Whether forecasts or alarms are worse than they should be, and the sentence that says so."""

    worse: bool
    reason: str


def verdict(found: Matured, promised: float | None) -> Verdict:
    """Judge by intervals, so that a bad day is no verdict: a model is worse if all of an interval is.

    `promised` is its share of seasonal naive's MASE when it was trained; None if nothing was promised. Beside seasonal
    naive's error on the same cutoffs a model's own says how good it is, however hard the times are.
    """
    error, coverage = ratio(found.own, found.naive, "mase"), _coverage(found.own)
    if error.void:
        return Verdict(False, f"no verdict: {error.line(NAIVE)}")
    if error.interval is None or coverage is None:
        return Verdict(False, "too few forecasts have come due for a verdict")
    low, high = COVERAGE_BAND
    covers = f"the 80 % intervals cover {found.own.values()['coverage80']:.0%} ({coverage[0]:.0%}-{coverage[1]:.0%})"
    if error.interval[0] > 1:
        return Verdict(True, f"worse than seasonal naive: {error.line(NAIVE)}")
    if promised is not None and error.interval[0] > _WORSE * promised:
        return Verdict(True, f"worse than promised: {error.line(NAIVE)}; it was {promised:.2f} when trained")
    if coverage[1] < low:
        return Verdict(True, f"too narrow: {covers}")
    if coverage[0] > high:
        return Verdict(True, f"too wide: {covers}")
    return Verdict(False, "as promised")


def _coverage(board: Scoreboard) -> Interval | None:
    """A 95 % interval of the coverage, over other series or other times."""
    sums = board.sums["coverage80"]
    # What full coverage would have summed up to: the ratio to it is the coverage.
    full = Sums(*(np.repeat(part[:, 1:], 2, axis=1) for part in (sums.by_series, sums.by_step, sums.by_block)))
    return wider(sums, full, span=board.span)[0]
