"""A distribution known by some of its quantiles: its mean, and other quantiles.

Between two known quantiles the quantile function is a straight line over the normal score of the level,
and so it goes on beyond the outermost ones: a normal distribution is reproduced exactly.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.stats import norm

from forecaster.series.grid import Floats

__all__ = ["mean", "normal_scores", "pinball", "quantiles_at"]


def mean(quantiles: Floats, levels: Sequence[float]) -> Floats:
    """Mean of each distribution. Shapes: [..., Q] -> [...]"""
    found: Floats = quantiles @ _mean_weights(tuple(levels))
    return found


def pinball(quantiles: Floats, levels: Sequence[float], values: Floats) -> Floats:
    """Mean pinball loss over the levels, of each distribution.

    Shapes:  [..., Q], [...] -> [...]
    Units:   those of the values
    Missing: NaN values give NaN
    Source:  Koenker and Bassett (1978), Econometrica 46(1)
    """
    error = values[..., None] - quantiles
    found: Floats = np.maximum(np.asarray(levels) * error, (np.asarray(levels) - 1) * error).mean(-1)
    return found


def quantiles_at(quantiles: Floats, levels: Sequence[float], wanted: Sequence[float]) -> Floats:
    """Quantiles at other levels. Shapes: [..., Q] -> [..., len(wanted)]"""
    scores, points = _scores(tuple(levels)), norm.ppf(np.asarray(wanted))
    right = np.clip(np.searchsorted(scores, points), 1, len(scores) - 1)
    share = (points - scores[right - 1]) / (scores[right] - scores[right - 1])
    found: Floats = quantiles[..., right - 1] * (1 - share) + quantiles[..., right] * share
    return found


def normal_scores(quantiles: Floats, levels: Sequence[float], values: Floats) -> Floats:
    """Values as normal scores: 0 at the median, extrapolated linearly beyond the outermost quantiles.

    Shapes:  [..., Q], [...] -> [...]
    Missing: NaN values give NaN
    """
    scores = _scores(tuple(levels))
    # A sum of booleans takes four times as long as that of the bytes that they are.
    below = np.einsum("...q->...", (quantiles < values[..., None]).view(np.uint8))
    right = below.clip(1, len(scores) - 1).astype(np.int64)
    place = len(scores) * np.arange(right.size).reshape(right.shape) + right
    low, high = quantiles.take(place - 1), quantiles.take(place)
    left, step = scores[right - 1], scores[right] - scores[right - 1]
    width = np.maximum(high - low, 1e-12 * (1e-6 + np.abs(low)))
    return np.asarray(left + (values - low) / width * step)


@cache
def _scores(levels: tuple[float, ...]) -> Floats:
    """Normal scores of levels."""
    return np.asarray(norm.ppf(np.asarray(levels)))


@cache
def _mean_weights(levels: tuple[float, ...]) -> Floats:
    """The mean is linear in the known quantiles: the weight of each."""
    grid = (np.arange(200_000) + 0.5) / 200_000
    weights: Floats = quantiles_at(np.eye(len(levels)), levels, grid.tolist()).mean(axis=1)
    return np.asarray(weights / weights.sum())
