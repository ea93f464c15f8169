"""Statistics of joined channels: which channels count, their usual scores, and the joint distribution of levels."""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["FEWEST", "Together"]

FEWEST = 60
"""Minimum rows from which channels are learnt, if there are fewer training rows or none."""
_UNFITTED = 0.3
"""Last share of the training rows, used for a channel's usual score, as scores are too low on rows that were fitted."""
_LEAST_SCORE = 1e-3
_LEAST_SPREAD = 1e-7
"""Minimum spread of a channel, relative to its mean, since a flat channel has none."""
_RIDGE = 0.03
"""Added to the diagonal of the correlations, so that channels that always agreed may differ a little."""
_FARTHEST = 10.0
"""Cap on a level, in standard deviations."""
_SPAN = 10
"""Number of rows over which distances are averaged."""


@dataclass(frozen=True)
class Together:
    """What is learnt from training rows about the channels of one name.

    Channels that are constant in training do not count, as any move of them would outweigh all others; neither do
    indicators (0 and 1 only, as in one-hot commands), as their changes are not errors. If no channel is left, the
    indicators count too.

    Shapes:  usual, centre, spread [C]; counts [C] 1 or 0; inverse [C, C], zero for channels that do not count
    Missing: a missing value has no score and counts as the usual level
    Source:  Hotelling (1947) for the distance
    """

    usual: Floats
    centre: Floats
    spread: Floats
    counts: Floats
    inverse: Floats
    typical: float
    """Mean squared distance of training rows."""

    @classmethod
    def learn(cls, y_TC: Floats, scores_TC: Floats) -> "Together":
        """From the values of training rows, and the first view of each channel."""
        known_TC = np.where(np.isfinite(y_TC), y_TC, np.nan)
        unseen_C = np.isnan(known_TC).all(axis=0)
        known_TC[:, unseen_C] = 0.0
        late_TC = scores_TC[int(len(scores_TC) * (1 - _UNFITTED)) :]
        centre = np.nanmean(known_TC, axis=0)
        spread = np.maximum(np.nanstd(known_TC, axis=0), np.maximum(_LEAST_SPREAD * np.abs(centre), 1e-9))
        counts = _that_count(known_TC)
        z_TC = _standard(known_TC, centre, spread) * counts
        shared = z_TC.T @ z_TC / len(z_TC)
        inverse = np.linalg.inv(shared + _RIDGE * np.eye(len(shared))) * np.outer(counts, counts)
        usual = np.array([_mean(scores) for scores in late_TC.T])
        return cls(usual, centre, spread, counts, inverse, float(max(np.sum(inverse * shared), 1e-9)))

    @classmethod
    def of_first(cls, y_TC: Floats, scores_TC: Floats, end: int) -> tuple["Together", int]:
        """From the rows before `end`, or some more if these are too few; also gives the first row to be judged."""
        enough = max(end, min(FEWEST, len(y_TC)))
        return cls.learn(y_TC[:enough], scores_TC[:enough]), 0 if enough == end else enough

    @property
    def only(self) -> int | None:
        """The only channel that counts; None if there are several."""
        counting = np.flatnonzero(self.counts)
        return int(counting[0]) if len(counting) == 1 else None

    def strange(
        self, y_TC: Floats, scores_TC: Floats, strangeness_TC: Floats, by: Aggregation, faded: Floats | None = None
    ) -> Floats:
        """The score of the whole, from each channel's first view and calibrated strangeness: [time]

        `faded` is the state of `distance`.
        """
        counting_C = self.counts > 0
        errors_TC = (scores_TC / self.usual)[:, counting_C]
        known_T = ~np.isnan(errors_TC).all(axis=1)
        strangeness_TC, distance_T = strangeness_TC[:, counting_C], self.distance(y_TC, faded)
        found_T = np.full(len(y_TC), np.nan)
        found_T[known_T] = by.joined(Evidence(errors_TC[known_T], strangeness_TC[known_T], distance_T[known_T]))
        return found_T

    def distance(self, y_TC: Floats, faded: Floats | None = None) -> Floats:
        """Distance of the levels from those in training, averaged over recent rows, in units of a usual one: [time]

        `faded` [2] is the state of the average from earlier rows; it is updated in place.
        """
        z_TC = _standard(y_TC, self.centre, self.spread) * self.counts
        squares_T = ((z_TC @ self.inverse) * z_TC).sum(axis=1)
        mean_T = _faded(squares_T, np.zeros(2) if faded is None else faded)
        return np.asarray(np.sqrt(np.maximum(mean_T, 0.0) / self.typical))

    def parts(self, scores_TC: Floats) -> Floats:
        """Each channel's part in the sum of scores: [time, C]"""
        return np.asarray(np.nan_to_num(scores_TC) / self.usual * self.counts)

    def moves(self, y_TC: Floats, p_values_TC: Floats) -> Floats:
        """-log10 of the probability of such a move in a channel that was constant in training: [time]

        Indicators may change. A channel that was 0 and takes a value other than 0 and 1 is not an indicator.
        """
        still_C = (self.counts == 0) & ~(self.spread > np.maximum(_LEAST_SPREAD * np.abs(self.centre), 1e-9))
        other_TC = np.isfinite(y_TC) & (y_TC != 0) & (y_TC != 1) & still_C
        chance_TC = np.where(other_TC, np.nan_to_num(p_values_TC, nan=1.0), 1.0)
        least_T = np.clip(chance_TC.min(axis=1) * max(still_C.sum(), 1), 1e-300, 1.0)
        return np.asarray(np.where(np.isnan(p_values_TC).all(axis=1), np.nan, 0.0 - np.log10(least_T)))

    def table(self) -> Floats:
        """All statistics as one table, [C, C + 5]"""
        typical = np.full(len(self.usual), self.typical)
        return np.column_stack([self.usual, self.centre, self.spread, self.counts, typical, self.inverse])

    @classmethod
    def from_table(cls, table: Floats) -> "Together":
        """From a `table`."""
        usual, centre, spread, counts, typical = table[:, :5].T.copy()
        return cls(usual, centre, spread, counts, table[:, 5:].copy(), float(typical[0]))


def _that_count(y_TC: Floats) -> Floats:
    """1 for channels that count, 0 for others."""
    lows, highs = np.nanmin(y_TC, axis=0), np.nanmax(y_TC, axis=0)
    indicator_C = (np.isnan(y_TC) | (y_TC == 0) | (y_TC == 1)).all(axis=0)
    moving_C = lows < highs
    for chosen in (moving_C & ~indicator_C, ~indicator_C, moving_C):
        if chosen.any():
            return np.asarray(chosen, float)
    return np.ones(y_TC.shape[1])


def _standard(y_TC: Floats, centre_C: Floats, spread_C: Floats) -> Floats:
    z_TC = np.nan_to_num((y_TC - centre_C) / spread_C, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(z_TC, -_FARTHEST, _FARTHEST)


def _mean(scores_T: Floats) -> float:
    known = scores_T[np.isfinite(scores_T)]
    return max(float(known.mean()), _LEAST_SCORE) if len(known) else 1.0


def _faded(values_T: Floats, sums: Floats) -> Floats:
    """Exponentially weighted mean of all values so far, including those in `sums` (of values and of weights)."""
    keep = 1 - 2 / (_SPAN + 1)
    if len(values_T) == 1:  # in streams, where a filter call would dominate the run time
        sums[:] = keep * sums + np.array([values_T[0], 1.0])
        return np.asarray(sums[:1] / sums[1])
    parts = (values_T, np.ones_like(values_T))
    total_T, weight_T = (
        lfilter([1.0], [1.0, -keep], part, zi=[keep * one])[0] for part, one in zip(parts, sums, strict=True)
    )
    if len(values_T):
        sums[:] = total_T[-1], weight_T[-1]
    return np.asarray(total_T / weight_T)
