"""The score of the Numenta anomaly benchmark (NAB): the value of each alarm, and the sum at every threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecaster.anomaly_metrics.base import Case
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

__all__ = ["PROFILES", "ApplicationProfile", "Sweep", "sweep"]

_PROBATION, _MOST_PROBATION = 0.15, 750
_FAR = 3.0
"""Distance behind the last window, in its widths, from which a false alarm has its full cost."""


@dataclass(frozen=True)
class ApplicationProfile:
    """The gain for a window found, and the costs of an alarm outside and of a window missed."""

    hit: float
    false_alarm: float
    miss: float


PROFILES = {
    "nab": ApplicationProfile(1, 0.11, 1),
    "nab_low_fp": ApplicationProfile(1, 0.22, 1),
    "nab_low_fn": ApplicationProfile(1, 0.11, 2),
}
"""`config/profiles.json`: standard, reward_low_FP_rate, reward_low_FN_rate."""


@dataclass(frozen=True)
class Sweep:
    """Sums over a corpus for each threshold, the highest threshold first.

    Shapes: thresholds, totals [n]; the first threshold is infinite: no row reaches it
    """

    thresholds: Floats
    totals: Floats
    null: float
    """The sum without any alarm."""
    perfect: float

    @property
    def best(self) -> float:
        """The threshold with the highest sum on these same series."""
        return float(self.thresholds[np.argmax(self.totals)])

    def at(self, threshold: float) -> float:
        """The sum if every row at or above a threshold is an alarm."""
        return float(self.totals[np.searchsorted(-self.thresholds, -threshold, side="right") - 1])

    def share(self, total: float) -> float:
        """A sum rescaled: 0 is no alarm at all, 100 is every window found at its start."""
        span = self.perfect - self.null
        return 100 * (total - self.null) / span if span > 0 else float("nan")


def sweep(cases: Sequence[Case], profile: ApplicationProfile) -> Sweep:
    """The sum at every threshold, with one threshold for all series."""
    parts = [_worth(case, profile) for case in cases]
    windows = int(sum(count for *_, count in parts))
    score_N, gain_N = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    order = np.argsort(-score_N, kind="stable")
    score_N, null = score_N[order], -profile.miss * windows
    totals = null + np.cumsum(gain_N[order])
    last = np.flatnonzero(np.r_[score_N[1:] != score_N[:-1], True][: len(score_N)])
    return Sweep(np.r_[np.inf, score_N[last]], np.r_[null, totals[last]], null, profile.hit * windows)


def _worth(case: Case, profile: ApplicationProfile) -> tuple[Floats, Floats, int]:
    """Scores of the rows that count, what each adds once the threshold is at its score, and the number of windows."""
    begin = max(case.begin, min(int(_PROBATION * len(case.label)), _MOST_PROBATION))
    windows = case.windows
    rows = begin + np.flatnonzero(~np.isnan(case.score[begin:]))
    gain = profile.false_alarm * _scaled(_past_window(rows, windows))
    windows = windows[windows[:, 1] >= begin]
    for first, last in windows:
        inside = np.flatnonzero((rows >= first) & (rows <= last))
        hit = profile.hit * _scaled(-(last - rows[inside] + 1) / (last - first + 1)) / _scaled(np.array(-1.0))
        down = np.argsort(-case.score[rows[inside]], kind="stable")
        gain[inside[down]] = np.diff(np.maximum.accumulate(np.r_[-profile.miss, hit[down]]))
    return case.score[rows], gain, len(windows)


def _past_window(rows: Ints, windows: Ints) -> Floats:
    """Distance of each row behind the window before it, in widths of that window: [rows], [windows, 2] -> [rows]"""
    ended = np.searchsorted(windows[:, 1], rows, side="left")
    known = np.r_[[[0, 0]], windows][ended]
    width = known[:, 1] - known[:, 0]
    past = (rows - known[:, 1]) / np.where(width > 0, width, 1)
    return np.where((ended == 0) | (width == 0), np.inf, past)


def _scaled(position: Floats) -> Floats:
    """NAB's sigmoid: about 1 at the start of a window, 0 at its end, about -1 far behind it."""
    return np.where(position >= _FAR, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, _FAR))) - 1)
