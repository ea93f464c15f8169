"""Exponential smoothing of level and season, over a whole stretch at once."""

import torch
from torch import Tensor

from forecaster.layers.scan import scan

__all__ = ["smoothed"]


def smoothed(
    y_BT: Tensor, alpha_BT: Tensor, gamma_BT: Tensor, level_B: Tensor, season_BM: Tensor
) -> tuple[Tensor, Tensor]:
    """Levels, and the seasonal parts of the T steps and of the M after them.

    l_t = a_t (y_t - s_t) + (1 - a_t) l_{t-1} and s_{t+M} = g_t (y_t - l_t) + (1 - g_t) s_t. Within a season the parts are
    known beforehand, so the level is a scan: the loop runs over seasons, never over steps. A season of one step is none:
    its part stays as it is.

    Shapes:  values and weights [B, T]; the level before, [B], and the next M seasonal parts, [B, M] -> [B, T], [B, T + M]
    Source:  Holt-Winters in its additive form, Hyndman et al. (2008), section 2.1; exact by blocks
    """
    none = season_BM.shape[1] == 1
    length = y_BT.shape[1] if none else season_BM.shape[1]
    levels, parts = [], [season_BM]
    for t0 in range(0, y_BT.shape[1], length):
        block = slice(t0, t0 + length)
        y, alpha, gamma = y_BT[:, block], alpha_BT[:, block], gamma_BT[:, block]
        season = season_BM.expand_as(y) if none else parts[-1][:, : y.shape[1]]
        level = scan(torch.log1p(-alpha)[..., None], (alpha * (y - season))[..., None], level_B[:, None])[..., 0]
        levels.append(level)
        parts.append(season if none else gamma * (y - level) + (1 - gamma) * season)
        level_B = level[:, -1]
    return torch.cat(levels, 1), torch.cat(parts, 1)
