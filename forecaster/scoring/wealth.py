"""Alpha-wealth for online control of the false discovery rate: tests spend it, discoveries earn it."""

from collections.abc import Sequence

import numpy as np
from scipy.special import zeta

from forecaster.series.grid import Floats

__all__ = ["Wealth"]

_CANDIDATE = 0.5
"""A p-value above this is not a candidate; such tests serve to estimate the number of true null hypotheses."""
_FALL = 1.6
"""Power by which weights fall with the tests since a discovery, as in the source."""
_REMEMBERED = 1_000
"""Discoveries that still earn, besides the first; forgetting older ones can only spend less."""


class Wealth:
    """Sets the level of each test in turn: half of the requested level at first, with more earned by each discovery.

    Only tests that are not candidates spend wealth, so that little is lost when many events are real.

    Source: SAFFRON, Ramdas et al. (2018), ICML, algorithm 1
    """

    def __init__(self, level: float, passed: int = 0, found: Sequence[int] = ()) -> None:
        """`passed` is the number of tests so far that were not candidates; `found` is that number at each discovery."""
        self.level, self.passed, self.found = level, passed, list(found)

    def discovers(self, p_value: float) -> bool:
        """Whether the next test is a discovery."""
        begun, earned = _weights(np.array([self.passed])), _weights(self.passed - np.array(self.found))
        first, later = earned[:1].sum(), earned[1:].sum()
        share = (1 - _CANDIDATE) * self.level * ((begun[0] + first) / 2 + later)
        discovered = p_value <= min(share, _CANDIDATE)
        if discovered:
            self.found = [*self.found[:1], *self.found[1:][1 - _REMEMBERED :], self.passed]
        self.passed += p_value > _CANDIDATE
        return bool(discovered)


def _weights(passed: Floats) -> Floats:
    """Share that a test may spend after `passed` others; all shares add up to 1. Shapes: [n]"""
    return np.asarray((1.0 + passed) ** -_FALL / zeta(_FALL))
