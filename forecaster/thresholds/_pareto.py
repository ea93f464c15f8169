"""The generalised Pareto distribution of excesses over a high level: two ways to fit it, and its tail probability."""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from forecaster.series.grid import Floats

__all__ = ["Pareto", "beyond", "by_likelihood", "by_moments"]

_EXPONENTIAL = 1e-9
"""Shapes below this count as 0: the distribution is exponential."""
_GRID = np.logspace(-3, 3, 25)
"""Grid for Grimshaw's root: shape / scale, in units of 1 / mean excess."""


class Pareto(NamedTuple):
    """Scale and shape. The shape is never negative: beyond a finite end all scores would be equally strange."""

    scale: float
    shape: float

    def beyond(self, excesses: Floats) -> Floats:
        """Probability of a larger excess; 1 below 0."""
        return beyond(excesses, np.asarray(self.scale), np.asarray(self.shape))


def beyond(excesses: Floats, scales: Floats, shapes: Floats) -> Floats:
    """`Pareto.beyond` for arrays of scales and shapes. Shapes: [n], or one distribution for all"""
    x = np.maximum(excesses, 0.0) / scales
    heavy = np.maximum(shapes, _EXPONENTIAL)
    return np.where(shapes < _EXPONENTIAL, np.exp(-x), (1 + heavy * x) ** (-1 / heavy))


def by_moments(excesses: Floats, shape_most: float, least: float) -> Pareto:
    """Fit by probability-weighted moments, with the shape between 0 and `shape_most` and the scale at least `least`.

    Source: Hosking and Wallis (1987), Technometrics 29(3)
    """
    ranked = np.sort(excesses)
    n = len(ranked)
    first = float(ranked.mean())
    second = float((ranked * (n - np.arange(1, n + 1)) / (n - 1)).mean())
    if first <= 0 or first - 2 * second <= 0:
        return Pareto(max(first, least), 0.0)
    shape = float(np.clip(2 - first / (first - 2 * second), 0.0, shape_most))
    return Pareto(max(first * (1 - shape), least), shape)


def by_likelihood(excesses: Floats, shape_most: float, least: float) -> Pareto:
    """Fit by maximum likelihood, with the same bounds.

    With x = shape / scale the best shape is mean log(1 + x Y), so only x is searched: on a grid, then exactly.

    Source: Grimshaw (1993), Technometrics 35(2); Siffer et al. (2017), KDD, equation 7
    """
    mean = float(excesses.mean())
    if mean <= 0:
        return Pareto(least, 0.0)
    y = excesses / mean
    shape_K = np.log1p(_GRID[:, None] * y).mean(axis=1)
    loss_K = np.log(shape_K / _GRID) + shape_K
    best = int(np.argmin(loss_K))
    if best == 0 or loss_K[best] >= 0.0:  # the exponential distribution is best; its scale is the mean
        return Pareto(max(mean, least), 0.0)

    def slope(x: float) -> float:
        """Left side of Grimshaw's equation; 0 at the best x."""
        return float(np.mean(1 / (1 + x * y)) * (1 + np.mean(np.log1p(x * y))) - 1)

    low, high = _GRID[best - 1], _GRID[min(best + 1, len(_GRID) - 1)]
    x = float(brentq(slope, low, high, xtol=1e-6)) if slope(low) * slope(high) < 0 else float(_GRID[best])
    shape = float(np.mean(np.log1p(x * y)))
    if shape > shape_most:
        return Pareto(max(mean * (1 - shape_most), least), shape_most)
    return Pareto(max(shape / x * mean, least), shape)
