"""Exponential smoothing by blocks is exponential smoothing step by step."""

import pytest
import torch
from torch import Tensor

from forecaster.layers.smoothing import smoothed

STEPS = 61


def _numbers(*shape: int, seed: int = 0) -> Tensor:
    """Between 0.2 and 0.8."""
    return 0.2 + 0.6 * torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("multiply", [False, True], ids=["adds", "multiplies"])
@pytest.mark.parametrize("lengths", [(), (1,), (4,), (7,), (70,), (4, 12), (5, 7), (7, 7), (24, 70)], ids=str)
def test_blocks_are_the_steps(lengths: tuple[int, ...], multiply: bool) -> None:
    """Holt-Winters with no, one and two seasons as written in the books, one value at a time."""
    y, alpha = 5 * _numbers(3, STEPS), _numbers(3, STEPS, seed=1)
    gammas = [_numbers(3, STEPS, seed=2 + n) for n in range(len(lengths))]
    seasons = [_numbers(3, length, seed=9 + n) for n, length in enumerate(lengths)]
    level = _numbers(3, seed=20)
    levels, parts = smoothed(y, alpha, gammas, level, seasons, multiply=multiply)
    expected = [list(season.unbind(1)) for season in seasons]
    for t in range(STEPS):
        now = [season[t] for season in expected]
        bare = y[:, t].clone()
        for part in now:
            bare = bare / part if multiply else bare - part
        level = alpha[:, t] * bare + (1 - alpha[:, t]) * level
        for n, season in enumerate(expected):
            seen = y[:, t] / level if multiply else y[:, t] - level
            for other in now[:n] + now[n + 1 :]:
                seen = seen / other if multiply else seen - other
            season.append(gammas[n][:, t] * seen + (1 - gammas[n][:, t]) * now[n])
        torch.testing.assert_close(levels[:, t], level, rtol=1e-5, atol=1e-5)
    for found, season in zip(parts, expected, strict=True):
        torch.testing.assert_close(found, torch.stack(season, 1), rtol=1e-5, atol=1e-5)
