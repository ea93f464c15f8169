"""Block maxima: how rare the highest score of a block of rows is, so that a run of high rows counts once."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold
from forecaster.thresholds.conformal_tail import ConformalTail

__all__ = ["BlockMaxima"]

_FEWEST = 30
"""Fewest blocks; on few rows blocks are shorter, so that there are as many."""
_JOINT = 0.5
"""P-values come from blocks if the probability of a higher block is at most this, else from ranks of rows."""


class BlockMaxima(Threshold):
    """The p-value a row would have if its block were that many independent rows: 1 - (1 - P)^(1 / rows).

    P is the probability that a block's highest score is as high, from the ranks and the tail of the blocks' maxima.
    Dependent scores make fewer high blocks than high rows, so the number of alarms follows the blocks.

    Shapes:  [n] -> [n]
    Missing: a block without a score is left out; NaN stays NaN
    Fails:   if runs are longer than a block; on few rows, as their blocks are short
    Source:  Gumbel (1958), Statistics of Extremes; Leadbetter et al. (1983) for dependent rows
    """

    of_events = True

    @dataclass(frozen=True, kw_only=True)
    class Config(ConformalTail.Config):
        rows: int = 50
        """Rows of a block."""

        def __post_init__(self) -> None:
            ConformalTail.Config.__post_init__(self)
            if self.rows < 1:
                raise ValueError("rows must be at least 1")

    config: Config

    def fit(self, scores: Floats) -> Floats:
        self.rows = max(1, min(self.config.rows, len(scores) // _FEWEST))
        count = len(scores) // self.rows
        blocks = scores[len(scores) - count * self.rows :].reshape(count, self.rows)
        self._rows = Ranks(scores)
        self._blocks = ConformalTail(self.config, self.rate)
        self._blocks.fit(np.where(np.isfinite(blocks), blocks, -np.inf).max(axis=1, initial=-np.inf))
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        high = self._blocks.p_values(scores)
        joint = self._as_row(np.array(_JOINT))
        return np.where(high <= _JOINT, self._as_row(high), np.maximum(self._rows.p_values(scores), joint))

    def _as_row(self, block: Floats) -> Floats:
        return np.asarray(-np.expm1(np.log1p(-np.minimum(block, 1 - 1e-12)) / self.rows))
