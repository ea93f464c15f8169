"""A curriculum: short stretches first, so that much is seen of many series before anything long is learnt."""

from dataclasses import dataclass

from forecaster.training.schedule import FIXED_STEPS, Schedule

__all__ = ["Curriculum"]

_DOUBLINGS = 3
_SHORTEST = 8
_FIXED_DRAWS = FIXED_STEPS + 2
"""Draws run ahead of the steps by one: these are made before a run's length is decided."""


@dataclass(frozen=True)
class Curriculum:
    """Cutoffs of a stretch at each draw: an eighth, a quarter and a half of the whole over a first share of the run.

    Source: Bengio et al. (2009), Curriculum Learning
    """

    schedule: Schedule
    share: float
    """0: stretches are whole from the first step on."""

    def steps(self, draw: int, whole: int) -> int:
        """Cutoffs of the stretches of a draw."""
        if self.share == 0:
            return whole
        done = (draw - _FIXED_DRAWS) / max(1.0, self.share * self.schedule.steps - _FIXED_DRAWS)
        doublings = min(_DOUBLINGS, int(max(0.0, done) * _DOUBLINGS))
        return min(whole, max(_SHORTEST, whole >> (_DOUBLINGS - doublings)))
