"""Learning-rate schedules, as shares of the highest rate."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar, Literal

__all__ = ["FIXED_STEPS", "Schedule", "ScheduleName", "schedule"]

RISE_STEPS = 40
FIXED_STEPS = 10
"""The first steps are the same whatever the length, so a run can measure its own speed and only then fix the
length; `--steps` with that length repeats it exactly."""
_LEAST = 0.01
_PLATEAU_VALIDATIONS = 2
"""Validations in a row without improvement that make a plateau."""

ScheduleName = Literal["cycle", "cosine", "cyclical", "plateau", "constant"]


class Schedule(ABC):
    """The share of the highest learning rate at each of `steps`, which may be changed after the first FIXED_STEPS."""

    rises: ClassVar[bool] = True
    """Whether it begins with a linear warm-up."""

    def __init__(self, steps: int, cycles: int = 1) -> None:
        self.steps, self.cycles = steps, cycles
        self.eased = 1.0
        """Factor on the rate, lowered by validations without improvement."""

    def rate(self, step: int) -> float:
        """Share of the highest learning rate at a step."""
        rise = min(1.0, (step + 1) / RISE_STEPS) if self.rises else 1.0
        return rise if step < FIXED_STEPS else rise * self.eased * self.fall(self._done(step))

    def ended(self, step: int) -> int:
        """Number of descents completed after so many steps."""
        return int(self._done(step) * self.cycles)

    def _done(self, step: int) -> float:
        return min(1.0, max(0, step - FIXED_STEPS) / max(1, self.steps - FIXED_STEPS))

    @abstractmethod
    def fall(self, done: float) -> float:
        """Share of the rate when the share `done` of the run is over, in [0, 1]."""

    def validated(self, waited: int) -> None:  # noqa: B027  # most schedules ignore validations
        """Take note that so many validations have passed since the last improvement."""


class _Cycle(Schedule):
    """Linear warm-up, then down along a cosine.

    Source: Smith and Topin (2019), Super-Convergence
    """

    def fall(self, done: float) -> float:
        return _LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2


class _Cosine(_Cycle):
    """Down along a cosine from the first step on."""

    rises: ClassVar[bool] = False


class _Cyclical(_Cycle):
    """Linear warm-up, then several times down along a cosine, each time from the top.

    Source: Loshchilov and Hutter (2017), SGDR
    """

    def fall(self, done: float) -> float:
        return super().fall(done * self.cycles % 1 if done < 1 else 1.0)


class _Constant(Schedule):
    """Linear warm-up, then constant."""

    def fall(self, done: float) -> float:
        return 1.0


class _Plateau(_Constant):
    """Linear warm-up, then halved each time the held-out loss has not improved for a while."""

    def validated(self, waited: int) -> None:
        if waited and waited % _PLATEAU_VALIDATIONS == 0:
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
