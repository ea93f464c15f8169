"""How much to train: as set by the user, otherwise derived from the data."""

from dataclasses import replace

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.training.settings import Training

__all__ = ["CUTOFFS_A_STEP", "CUTOFFS_A_STEP_ALONE", "effort"]

CUTOFFS_A_STEP = 8_192
"""Maximum cutoffs in a training step."""
CUTOFFS_A_STEP_ALONE = 512
"""The same for models that read each window on its own."""
_ALONE_TOGETHER = 2
"""How many of those are neighbours, in one stretch."""
_VALUES_A_STEP = 6_000_000
"""Maximum numbers a head may output in one training step; bounds its memory."""
_ROUNDS, _MOST_STEPS = 24, 600
"""How often a run sees each cutoff, and its maximum number of steps."""
_SEASONAL_ROUNDS, _MOST_SEASONAL_STEPS = 5, 1_800
"""The same for models that read each window on its own, if windows hold a season twice: these gain from more steps."""
_LEAST_STEPS = 200
_HELD_OUT_ROWS = 2_000


def effort(asked: Training, ends: Ints, horizon: int, *, parameters: int, alone: bool, repeats: bool) -> Training:
    """The training with its unset values derived from the data; `repeats` says that windows hold a season twice."""
    held_out = asked.held_out or _held_out(ends, horizon)
    cutoffs = int(np.maximum(ends - 1, 0).sum())
    longest = int(np.quantile(ends, 0.9)) if len(ends) else 1
    stretch = asked.stretch or (_ALONE_TOGETHER if alone else int(np.clip(longest - 1, 8, 256)))
    room = min(
        CUTOFFS_A_STEP_ALONE if alone else CUTOFFS_A_STEP,
        _VALUES_A_STEP // (horizon * parameters),
        max(cutoffs, stretch),
    )
    rows = asked.rows or max(1, room // stretch)
    if not asked.stretch and rows * stretch > room:
        stretch = max(8, room // rows)
    seasonal = alone and repeats
    rounds, most = (_SEASONAL_ROUNDS, _MOST_SEASONAL_STEPS) if seasonal else (_ROUNDS, _MOST_STEPS)
    steps = asked.steps or int(np.clip(rounds * cutoffs / (rows * stretch), _LEAST_STEPS, most))
    return replace(
        asked,
        schedule="cyclical" if asked.snapshots else asked.schedule,
        cycles=asked.snapshots or asked.cycles,
        held_out=held_out,
        errors=asked.errors or ("own" if alone else "spreads"),
        stretch=stretch,
        rows=rows,
        steps=steps,
        schedule_steps=asked.schedule_steps or steps,
        warmup=0 if alone else min(asked.warmup, stretch // 4),
    )


def _held_out(ends: Ints, horizon: int) -> int:
    """Rows held out of each series: one horizon, or more if there are few series."""
    typical = int(np.median(ends)) if len(ends) else 0
    share = _HELD_OUT_ROWS // max(1, len(ends))
    return int(max(horizon, min(share, typical // 5)))
