"""What may be spent on tests, so that of all discoveries a share is false: earned by discoveries, spent by every test."""

from collections.abc import Sequence

import numpy as np
from scipy.special import zeta

from forecaster.series.grid import Floats

__all__ = ["Wealth"]

_CANDIDATE = 0.5
"""A p-value above this is no candidate, and tells how many tests there are in which nothing is strange."""
_FALL = 1.6
"""How fast weights fall with the tests since a discovery: the power that the source takes."""
_REMEMBERED = 1_000
"""Discoveries that still earn something, beside the first; to forget older ones spends less, never more."""


class Wealth:
    """The level of each test in turn: half of the asked one to begin with, and as much again after each discovery.

    What is left falls with tests that are no candidates alone, so that little is lost where much is strange.

    Source: SAFFRON, Ramdas et al. (2018), ICML, algorithm 1
    """

    def __init__(self, level: float, passed: int = 0, found: Sequence[int] = ()) -> None:
        """`passed` tests were no candidates so far; so many had passed at each discovery, `found`."""
        self.level, self.passed, self.found = level, passed, list(found)

    def discovers(self, p_value: float) -> bool:
        """Is the next test a discovery?"""
        begun, earned = _weights(np.array([self.passed])), _weights(self.passed - np.array(self.found))
        first, later = earned[:1].sum(), earned[1:].sum()
        share = (1 - _CANDIDATE) * self.level * ((begun[0] + first) / 2 + later)
        discovered = p_value <= min(share, _CANDIDATE)
        if discovered:
            self.found = [*self.found[:1], *self.found[1:][1 - _REMEMBERED :], self.passed]
        self.passed += p_value > _CANDIDATE
        return bool(discovered)


def _weights(passed: Floats) -> Floats:
    """What a test may spend after so many; all of them together 1. Shapes: [n]"""
    return np.asarray((1.0 + passed) ** -_FALL / zeta(_FALL))
