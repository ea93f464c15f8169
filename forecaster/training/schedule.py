"""Shares of the highest learning rate over a training."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

__all__ = ["FIXED_STEPS", "Schedule", "ScheduleName", "schedule"]

RISE_STEPS = 40
FIXED_STEPS = 10
"""The first steps are the same whatever the length, so a run can measure its own speed and only then fix the
length; `--steps` with that length repeats it exactly."""
_LEAST = 0.01
_PLATEAU_LOOKS = 2
"""Looks in a row without a gain after which a plateau is one."""

ScheduleName = Literal["cycle", "cosine", "cyclical", "plateau", "constant"]


class Schedule(ABC):
    """The share of the highest learning rate at each of `steps`, which may be set anew after the first FIXED_STEPS."""

    rises: ClassVar[bool] = True
    """Begins low, and goes up in a straight line."""

    def __init__(self, steps: int, cycles: int = 1) -> None:
        self.steps, self.cycles = steps, cycles
        self.eased = 1.0
        """What looks at the held-out rows have left of the rate."""

    def rate(self, step: int) -> float:
        """Share of the highest learning rate at a step."""
        rise = min(1.0, (step + 1) / RISE_STEPS) if self.rises else 1.0
        return rise if step < FIXED_STEPS else rise * self.eased * self.fall(self._done(step))

    def ended(self, step: int) -> int:
        """Descents that are over after so many steps."""
        return int(self._done(step) * self.cycles)

    def _done(self, step: int) -> float:
        return min(1.0, max(0, step - FIXED_STEPS) / max(1, self.steps - FIXED_STEPS))

    @abstractmethod
    def fall(self, done: float) -> float:
        """Share that is left when so much of the run is done, in [0, 1]."""

    def look(self, waited: int) -> None:  # noqa: B027  # most go their way whatever is seen
        """Hear how many looks at the held-out rows it is since the last gain."""


class _Cycle(Schedule):
    """Up in a straight line, down along a cosine.

    Source: Smith and Topin (2019), Super-Convergence
    """

    def fall(self, done: float) -> float:
        return _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2


class _Cosine(_Cycle):
    """Down along a cosine from the first step on."""

    rises: ClassVar[bool] = False


class _Cyclical(_Cycle):
    """Several times down along a cosine, each time from the top again.

    Source: Loshchilov and Hutter (2017), SGDR
    """

    def fall(self, done: float) -> float:
        return super().fall(done * self.cycles % 1 if done < 1 else 1.0)


class _Constant(Schedule):
    """Up in a straight line, and there it stays."""

    def fall(self, done: float) -> float:
        return 1.0


class _Plateau(_Constant):
    """Half as much each time that the held-out loss has not gained for a while."""

    def look(self, waited: int) -> None:
        if waited and waited % _PLATEAU_LOOKS == 0:
            self.eased /= 2


_KINDS: dict[ScheduleName, type[Schedule]] = {
    "cycle": _Cycle,
    "cosine": _Cosine,
    "cyclical": _Cyclical,
    "plateau": _Plateau,
    "constant": _Constant,
}


def schedule(kind: ScheduleName, steps: int, cycles: int = 1) -> Schedule:
    """The schedule of that name, for a run of so many steps."""
    return _KINDS[kind](steps, cycles)
