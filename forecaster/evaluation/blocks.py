"""Consecutive blocks of cutoffs: a backtest's parts in time."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.frequency import Ints

__all__ = ["MOST_BLOCKS", "Blocks"]

MOST_BLOCKS = 64


@dataclass(frozen=True)
class Blocks:
    """At most `MOST_BLOCKS` blocks, of the same number of steps in all series.

    Block k is equally far after the first cutoff in every series: it is the same time if the test parts begin together.
    """

    first: Ints
    """[S]: first cutoff of each series."""
    steps: int
    """Steps of the grid from one block to the next."""

    @classmethod
    def over(cls, first: Ints, last: Ints, stride: int) -> "Blocks":
        """Blocks of the cutoffs first, first + stride, ... up to last of each series. Shapes: first, last [S]"""
        cutoffs = int(np.max((last - first) // stride, initial=0)) + 1
        return cls(first, stride * _up(cutoffs, MOST_BLOCKS))

    def of(self, series: Ints, cutoffs: Ints) -> Ints:
        """The number of the block of each forecast. Shapes: [n], [n] -> [n]"""
        blocks: Ints = (cutoffs - self.first[series]) // self.steps
        return blocks

    def spanned(self, horizon: int) -> int:
        """Number of blocks over which the true values of one forecast extend."""
        return _up(horizon, self.steps)


def _up(numerator: int, denominator: int) -> int:
    return -(-numerator // denominator)
