"""Synthetic series with known properties, for tests, benchmarks and trying things out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["seasonal", "walks"]


def seasonal(
    series: int = 4,
    length: int = 400,
    *,
    step: str = "h",
    season: int = 24,
    noise: float = 0.1,
    trend: float = 0.0,
    seed: int = 0,
    start: str = "2024-01-01",
) -> pd.DataFrame:
    """Sine waves of one season, each with its own level, phase and noise, as a long frame.

    Units: levels lie between 5 and 15, amplitudes between 1 and 3; noise is a part of the amplitude
    """
    random = np.random.default_rng(seed)
    steps = np.arange(length)
    values = [
        random.uniform(5, 15)
        + trend * steps
        + (size := random.uniform(1, 3)) * np.sin(2 * np.pi * (steps / season + random.uniform()))
        + noise * size * random.standard_normal(length)
        for _ in range(series)
    ]
    return _long(values, step, start)


def walks(
    series: int = 4, length: int = 400, *, step: str = "B", seed: int = 0, start: str = "2015-01-05"
) -> pd.DataFrame:
    """Geometric random walks: no forecast beats the last value."""
    random = np.random.default_rng(seed)
    values = [random.uniform(1, 100) * np.exp(np.cumsum(0.01 * random.standard_normal(length))) for _ in range(series)]
    return _long(values, step, start)


def _long(values: Sequence["np.ndarray[tuple[int], np.dtype[np.float64]]"], step: str, start: str) -> pd.DataFrame:
    ds = pd.date_range(start, periods=len(values[0]), freq=step, unit="us")
    parts = [pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "y": y}) for n, y in enumerate(values)]
    return pd.concat(parts, ignore_index=True)
