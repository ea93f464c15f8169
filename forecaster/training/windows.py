"""Training of networks that read single windows, with or without labels; series are in their own units, unscaled."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from forecaster.layers.threads import limited
from forecaster.panel.features import Features
from forecaster.panel.panel import Panel, pack
from forecaster.progress import SILENT
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid
from forecaster.training.checkpoints import Draws
from forecaster.training.curriculum import Curriculum
from forecaster.training.held_out import HeldOut
from forecaster.training.labelled_windows import LabelledWindows
from forecaster.training.run import run
from forecaster.training.schedule import Schedule, schedule
from forecaster.training.settings import Training
from forecaster.training.stretch import TrainingStretches
from forecaster.training.trainable import Trainable

__all__ = ["fit_labelled", "fit_windows"]

_STRETCH, _ROWS = 8, 32
"""Windows in a stretch, and stretches in a step."""
_LABELLED_ROWS = 256
"""Windows in a step, if they are labelled."""
_ROUNDS = 24
"""How often a training sees each window, within these numbers of steps."""
_FEWEST_STEPS, _MOST_STEPS = 400, 800
_HELD_OUT_SERIES = 16
_HELD_OUT_VALUES = 2_048
"""About the most held-out windows that are read at once."""


def fit_windows(
    network: Trainable, name: str, grid: Grid, begins: Ints, ends: Ints, training: Training, window: int
) -> None:
    """Train a network on the windows that end before `begins`; rows from there to `ends` serve for early stopping.

    Shapes: begins, ends [S]
    """
    if int(np.maximum(begins - 1, 0).sum()) == 0:
        return
    training = _effort(training, begins)
    panel = _panel(grid)
    held_out = _held_out(panel, begins, ends, window)
    rates = schedule(training.schedule, training.schedule_steps, training.cycles)
    stretches = TrainingStretches(
        panel, torch.as_tensor(begins), Curriculum(rates, training.curriculum), training, window=window, horizon=1
    )
    _run(network, stretches, held_out, name, grid, training, rates)


def fit_labelled(
    network: Trainable,
    name: str,
    grid: Grid,
    marks_N: Floats,
    shown_N: Bools,
    training: Training,
    window: int,
    unknown: float,
) -> LabelledWindows | None:
    """Train a network to tell anomalous windows from normal ones, by the labels of their newest rows.

    Returns the windows used for training, or None, without training, if they are not of both classes. Windows that
    begin before their series, or end in a missing value, are left out.

    Shapes: marks [N]: 1 anomalous, 0 normal, NaN unknown; shown [N]: rows in which windows may end
    """
    panel = _panel(grid)
    position_N = np.arange(len(grid.y)) - np.repeat(grid.offsets[:-1], grid.lengths)
    first_N = np.repeat(panel.begins_S.numpy(), grid.lengths)
    usable_N = shown_N & ~np.isnan(grid.y) & (position_N >= first_N + window - 1)
    training = replace(training, rows=training.rows or _LABELLED_ROWS, steps=training.steps or _FEWEST_STEPS, warmup=0)
    training = replace(training, schedule_steps=training.schedule_steps or training.steps)
    draws = LabelledWindows(
        panel, torch.as_tensor(marks_N), torch.as_tensor(usable_N), training, window=window, unknown=unknown
    )
    if not draws.both:
        return None
    none = torch.zeros(0, dtype=torch.int64)
    held_out = HeldOut(panel, none, none, none, window=window, horizon=1, run_in=0, values=1)
    rates = schedule(training.schedule, training.schedule_steps, training.cycles)
    _run(network, draws, held_out, name, grid, training, rates)
    return draws


def _run(
    network: Trainable, draws: Draws, held_out: HeldOut, name: str, grid: Grid, training: Training, rates: Schedule
) -> None:
    """Train it in silence."""
    with limited(training.threads):
        run(
            network,
            draws,
            lambda _: held_out,
            name=name,
            training=training,
            rates=rates,
            label=grid.label,
            watch=SILENT,
        )


def _panel(grid: Grid) -> Panel:
    return pack(grid, _as_they_are, Features.fit(grid, np.zeros(grid.series, np.int64)), season=1, begins=grid.lengths)


def _held_out(panel: Panel, begins: Ints, ends: Ints, window: int) -> HeldOut:
    usable = np.flatnonzero(ends > np.maximum(begins, window))
    some = usable[np.unique(np.linspace(0, len(usable) - 1, _HELD_OUT_SERIES).astype(int))] if len(usable) else usable
    series, first, end = (torch.as_tensor(part) for part in (some, begins[some], ends[some]))
    return HeldOut(panel, series, first, end, window=window, horizon=1, run_in=0, values=_HELD_OUT_VALUES)


def _effort(asked: Training, ends: Ints) -> Training:
    """Many short stretches of a few windows, and a number of steps that depends on the number of windows."""
    stretch, rows = asked.stretch or _STRETCH, asked.rows or _ROWS
    rounds = _ROUNDS * int(ends.sum()) / (stretch * rows)
    steps = asked.steps or int(np.clip(rounds, _FEWEST_STEPS, _MOST_STEPS))
    return replace(
        asked, stretch=stretch, rows=rows, steps=steps, schedule_steps=asked.schedule_steps or steps, warmup=0
    )


def _as_they_are(y_N: Tensor, seen_N: Tensor, starts_N: Tensor) -> tuple[Tensor, Tensor]:
    """Level 0 and spread 1, for values that are already scaled."""
    return torch.zeros_like(y_N), torch.ones_like(y_N)
