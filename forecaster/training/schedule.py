"""One cycle of the learning rate: up in a straight line, down along a cosine.

Source: Smith and Topin (2019), Super-Convergence.
"""

import math

__all__ = ["FIXED_STEPS", "rate"]

RISE_STEPS = 40
FIXED_STEPS = 10
"""The first steps are the same whatever the cycle's length, so a run can measure its own speed and only
then fix the length; `--steps` with that length repeats it exactly."""
_LEAST = 0.01


def rate(step: int, steps: int) -> float:
    """Share of the highest learning rate at a step of a cycle of `steps`."""
    rise = min(1.0, (step + 1) / RISE_STEPS)
    if step < FIXED_STEPS:
        return rise
    done = min(1.0, (step - FIXED_STEPS) / max(1, steps - FIXED_STEPS))
    return rise * (_LEAST + (1 - _LEAST) * (1 + math.cos(math.pi * done)) / 2)
