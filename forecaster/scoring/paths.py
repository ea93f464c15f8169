"""Joint sample paths: simulated futures whose values at each step follow the forecast quantiles."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.stats import norm
from torch import Tensor

from forecaster import columns
from forecaster.columns import LEVELS
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.floor import Floors, raised
from forecaster.training.walk import Forecasts

__all__ = ["Paths", "draw", "path_rows"]

_VALUES_AT_ONCE = 500_000


@dataclass(frozen=True)
class Paths:
    """Sample paths of some forecasts. Shapes: series, cutoffs (positions) [n]; values [n, paths, H]"""

    series: Ints
    cutoffs: Ints
    values: Floats


def draw(
    artefact: Artefact, grid: Grid, forecasts: Forecasts, count: int, *, seed: int, horizon: int | None = None
) -> Iterator[Paths]:
    """`count` paths for each forecast, a few forecasts at a time; the same seed gives the same paths.

    Normal scores with the correlation of the held-out errors are mapped by each step's quantile function, that of
    `layers.distribution`: linear between two levels, and extrapolated beyond the outermost, down to a series' floor.
    """
    steps = horizon or forecasts.quantiles.shape[1]
    factor = torch.as_tensor(artefact.dependence.factor[:steps, :steps], dtype=torch.float32)
    generator = torch.Generator().manual_seed(seed)
    size, floors = max(1, _VALUES_AT_ONCE // (count * steps)), Floors.of(grid)
    for part in range(0, len(forecasts.series), size):
        some = forecasts.take(np.arange(part, min(part + size, len(forecasts.series))))
        scores = torch.randn(len(some.series) * count, steps, generator=generator) @ factor.T
        quantiles = torch.as_tensor(some.quantiles[:, :steps])
        values = _at(quantiles, scores.reshape(-1, count, steps))
        made = artefact.network.head.within(values).numpy()
        yield Paths(some.series, some.cutoffs, raised(made, floors.half(some.series, some.cutoffs)))


def path_rows(grid: Grid, paths: Paths) -> pd.DataFrame:
    """One row for each forecast, path and horizon step: `unique_id, [channel,] ds, cutoff, path, y`, float32."""
    forecasts, count, steps = paths.values.shape
    series, cutoffs = (np.repeat(part, count * steps) for part in (paths.series, paths.cutoffs))
    ahead = np.tile(np.arange(1, steps + 1), forecasts * count)
    frame = grid.keys(series)
    frame[columns.DS] = grid.ds(series, cutoffs + ahead).array
    frame[columns.CUTOFF] = grid.ds(series, cutoffs).array
    frame[columns.PATH] = np.tile(np.repeat(np.arange(count, dtype=np.int32), steps), forecasts)
    frame[columns.Y] = paths.values.astype(np.float32).ravel() + np.float32(0)  # no -0
    return frame


def _at(quantiles: Tensor, scores: Tensor) -> Tensor:
    """Values at normal scores. Shapes: [n, H, Q], [n, paths, H] -> [n, paths, H] float64"""
    points = torch.as_tensor(norm.ppf(LEVELS))
    slopes = quantiles.diff(dim=-1) / points.diff()
    heights = quantiles[..., :-1] - slopes * points[:-1]
    between = torch.bucketize(scores, points[1:-1].float())
    n, _, steps = scores.shape
    place = torch.arange(n * steps).reshape(n, 1, steps) * slopes.shape[-1] + between
    return torch.addcmul(heights.take(place), slopes.take(place), scores.double())
