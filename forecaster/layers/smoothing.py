"""Exponential smoothing of level and seasons, over a whole stretch at once."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from forecaster.layers.scan import scan

__all__ = ["joined", "smoothed", "without"]


def smoothed(
    y_BT: Tensor,
    alpha_BT: Tensor,
    gammas: Sequence[Tensor],
    level_B: Tensor,
    seasons: Sequence[Tensor],
    *,
    multiply: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """Levels, and for each season its components at the T steps and at the M steps after them.

    Where parts add up, with s the sum of all parts of step t and s' that of the other seasons':
    l_t = a (y_t - s) + (1 - a) l_{t-1} and s_{t+M} = g (y_t - l_t - s') + (1 - g) s_t; where they multiply, differences are
    quotients. Within the shortest season all parts are known beforehand, so the level is a scan: the loop runs over seasons,
    never over steps.

    Shapes:  values, weights of the level and of each season [B, T]; the level before, [B], and the next M parts of each
        season, [B, M], the shortest first -> [B, T] and [B, T + M] each
    Source:  Holt-Winters, Hyndman et al. (2008), section 2.1; two seasons: Taylor (2003), JORS 54(8); exact by blocks
    """
    length = seasons[0].shape[1] if seasons else y_BT.shape[1]
    next_, levels = list(seasons), []
    parts: list[list[Tensor]] = [[] for _ in seasons]
    for t0 in range(0, y_BT.shape[1], length):
        block = slice(t0, t0 + length)
        y, alpha = y_BT[:, block], alpha_BT[:, block]
        now = [ahead[:, : y.shape[1]] for ahead in next_]
        bare = without(y, *now, multiply=multiply)
        level = scan(torch.log1p(-alpha)[..., None], (alpha * bare)[..., None], level_B[:, None])[..., 0]
        for n, part in enumerate(now):
            gamma = gammas[n][:, block]
            seen = without(y, level, *now[:n], *now[n + 1 :], multiply=multiply)
            parts[n].append(part)
            next_[n] = torch.cat([next_[n][:, y.shape[1] :], gamma * seen + (1 - gamma) * part], 1)
        levels.append(level)
        level_B = level[:, -1]
    return torch.cat(levels, 1), [torch.cat([*past, ahead], 1) for past, ahead in zip(parts, next_, strict=True)]


def joined(first: Tensor, *others: Tensor, multiply: bool) -> Tensor:
    """Level and seasonal components combined."""
    return reduce(torch.mul if multiply else torch.add, others, first)


def without(whole: Tensor, *parts: Tensor, multiply: bool) -> Tensor:
    """What is left after removing the seasonal components."""
    return reduce(torch.div if multiply else torch.sub, parts, whole)
