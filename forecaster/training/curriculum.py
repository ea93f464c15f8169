"""A curriculum: short stretches first, so that training sees many series before it learns long dependencies."""

from dataclasses import dataclass

from forecaster.training.schedule import FIXED_STEPS, Schedule

__all__ = ["Curriculum"]

_DOUBLINGS = 3
_SHORTEST = 8
_FIXED_DRAWS = FIXED_STEPS + 2
"""Draws that are made before the run's length is decided; draws are one ahead of the steps."""


@dataclass(frozen=True)
class Curriculum:
    """Length of the stretches at each draw: an eighth, a quarter, then half of the full length in the run's first part.

    Source: Bengio et al. (2009), Curriculum Learning
    """

    schedule: Schedule
    share: float
    """0: stretches have their full length from the first step on."""

    def steps(self, draw: int, whole: int) -> int:
        """Number of cutoffs in the stretches of a draw."""
        if self.share == 0:
            return whole
        done = (draw - _FIXED_DRAWS) / max(1.0, self.share * self.schedule.steps - _FIXED_DRAWS)
        doublings = min(_DOUBLINGS, int(max(0.0, done) * _DOUBLINGS))
        return min(whole, max(_SHORTEST, whole >> (_DOUBLINGS - doublings)))
