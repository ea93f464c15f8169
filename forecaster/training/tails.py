"""Measures the error made when a network reads only the last rows of each series."""

from dataclasses import replace

import numpy as np

from forecaster.columns import HIGH, LOW, MEDIAN
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.facts import Tail
from forecaster.training.held_out import held_out_series
from forecaster.training.walk import Forecasts, walk

__all__ = ["with_tails"]

_LENGTHS = (16, 32, 64, 128)
_SERIES, _ROWS = 32, 30_000
"""Maximum series, and maximum rows in total, that the measurement reads."""


def with_tails(artefact: Artefact, grid: Grid, ends: Ints) -> Artefact:
    """The artefact with the error of reading only tails, measured on held-out rows before `ends`. Shapes: ends [S]"""
    chosen = held_out_series(ends, artefact.plan)[:_SERIES]
    chosen = chosen[np.cumsum(ends[chosen]) <= _ROWS]
    lengths = [steps for steps in _LENGTHS if len(chosen) and steps < ends[chosen].max()]
    if not lengths or artefact.network.model.memory == "whole":
        return artefact
    part, last = grid.take(chosen), ends[chosen] - 1
    whole = _forecasts(artefact, part, last, None)
    tails = tuple(_tail(steps, _forecasts(artefact, part, last, steps), whole) for steps in lengths)
    return replace(artefact, facts=replace(artefact.facts, tails=tails))


def _forecasts(artefact: Artefact, grid: Grid, last: Ints, warmup: int | None) -> Floats:
    """One forecast per series, in their order: [S, H, Q]"""
    parts = list(walk(artefact, grid, last, last, adaptive=True, warmup=warmup, device="cpu"))
    return Forecasts.joined(parts).quantiles


def _tail(steps: int, found: Floats, whole: Floats) -> Tail:
    half = (whole[..., HIGH] - whole[..., LOW]).mean(1) / 2
    off = np.abs(found - whole).mean(1) / np.maximum(half, 1e-12)[:, None]
    return Tail(steps, float(off[:, MEDIAN].mean()), float(off.mean()))
