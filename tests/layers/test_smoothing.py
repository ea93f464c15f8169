"""Exponential smoothing by blocks is exponential smoothing step by step."""

import pytest
import torch

from forecaster.layers.smoothing import smoothed


@pytest.mark.parametrize("season", [1, 4, 7, 30])
def test_blocks_are_the_steps(season: int) -> None:
    """Holt-Winters as written in the book, one value at a time."""
    random = torch.Generator().manual_seed(0)
    y, alpha, gamma = (torch.rand(3, 25, generator=random, dtype=torch.float64) for _ in range(3))
    level, parts = torch.rand(3, generator=random, dtype=torch.float64), torch.rand(3, season, dtype=torch.float64)
    levels, seasons = smoothed(y, alpha, gamma, level, parts)
    expected = parts
    for t in range(25):
        level = alpha[:, t] * (y[:, t] - expected[:, t]) + (1 - alpha[:, t]) * level
        new = gamma[:, t] * (y[:, t] - level) + (1 - gamma[:, t]) * expected[:, t]
        new = parts[:, 0] if season == 1 else new  # a season of one step is none
        expected = torch.cat([expected, new[:, None]], 1)
        torch.testing.assert_close(levels[:, t], level)
    torch.testing.assert_close(seasons, expected)
