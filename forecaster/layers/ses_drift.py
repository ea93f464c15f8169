"""Exponential smoothing with drift, seasonally adjusted, over a whole stretch at once."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from forecaster.layers.scan import scan
from forecaster.layers.shrinkage import MOMENTS, believed, mean_and_error, moments

__all__ = ["HORIZONS", "SEASONS", "SesDrift"]

HORIZONS = 5.0
"""How many horizons back steps count for the drift; their weight fades with time."""
SEASONS = 4.0
"""How many seasons back a season is looked at, likewise."""
_WEIGHTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Smoothing weights tried side by side."""
_POWER = 16
"""A weight's share falls with this power of its squared error: where two are as good, rounding must not choose one."""
_MOST = 1 - 1e-9
_NOTHING = -745.0
"""Logarithm of what counts as zero."""
_CHANCE = 0.5
"""What a season by chance would be is counted by half: to miss a season costs more than to follow one that is none."""
_ROUNDING = 1e-12
_UNITS = 3
"""A series' own units, spreads and shares of the level."""


class SesDrift(nn.Module):
    """A smoothed level, moved on by a drift, plus a season; smoothed by the weights with the least error so far.

    A drift may be a number of units, of spreads or of percent in each step: the mean of the three is taken, each shrunken by
    how uncertain it is, so a random walk gets none. A season is the mean distance from the trailing mean in each of its
    phases, in spreads and in percent, shrunken likewise. Nothing is learned.

    Shapes:  values are in units of the scale, window [B, T, W]; M steps in the season, A weights -> [B, T, H]
    Source:  simple exponential smoothing with drift is the theta method, Hyndman and Billah (2003), IJF 19(2); the three
        drifts and their shrinkage are ours, measured in docs/experiments/smoothing.md
    """

    weight_A: Tensor
    ahead_H: Tensor

    def __init__(self, season: int, horizon: int, *, horizons: float = HORIZONS, seasons: float = SEASONS) -> None:
        super().__init__()
        self.season, self.horizon, self.horizons, self.seasons = season, horizon, horizons, seasons
        weights = torch.tensor(_WEIGHTS, dtype=torch.float64).clamp(max=_MOST)
        self.register_buffer("weight_A", weights, persistent=False)
        self.register_buffer("ahead_H", torch.arange(horizon), persistent=False)

    @torch.no_grad()
    def forward(
        self, window_BTW: Tensor, begun_BTW: Tensor, level_BT: Tensor, spread_BT: Tensor, state: Any = None
    ) -> tuple[Tensor, Any]:
        """The forecast of each step ahead in spreads from the level, and what a later stretch goes on from."""
        y_BT = level_BT + window_BTW[..., -1] * spread_BT
        trail_BT = level_BT + window_BTW[..., -self.season :].double().mean(-1) * spread_BT
        units_BTU = torch.stack([torch.ones_like(y_BT), spread_BT, level_BT.abs() + spread_BT], -1)
        before = self._first(y_BT) if state is None else state
        season_BT, again_BTH, seasons = self._season(
            y_BT - trail_BT, begun_BTW[..., -self.season], units_BTU, before[0]
        )
        drift_BT, drifts = self._drift(trail_BT, begun_BTW[..., -self.season], units_BTU, before[1])
        smooth_BT, levels = self._smooth(y_BT - season_BT, drift_BT, begun_BTW[..., -1], spread_BT, before[2])
        ahead_BTH = smooth_BT[..., None] + drift_BT[..., None] * (1 + self.ahead_H) + again_BTH
        off_BTH = ahead_BTH - level_BT[..., None]
        # The spread of a series that never moves is so small that rounding would count.
        off_BTH = torch.where(off_BTH.abs() > _ROUNDING * level_BT.abs()[..., None], off_BTH, 0.0)
        return (off_BTH / spread_BT[..., None]).float(), (seasons, drifts, levels)

    def _season(
        self, off_BT: Tensor, known_BT: Tensor, units_BTU: Tensor, before_BMUS: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The season at each step and at those ahead, by distances from the trailing mean: [B, T], [B, T, H]

        The sums of the phases that it returns, [B, M, U, MOMENTS], lie in the order of the last M steps.
        """
        steps, season = off_BT.shape[1], self.season
        if season == 1:
            return torch.zeros_like(off_BT), torch.zeros_like(off_BT)[..., None], before_BMUS
        units_BTU = units_BTU[..., 1:]
        # Each phase is a series of its own, of every M-th step.
        off_BNF = _phased(off_BT[..., None] / units_BTU, season)
        known_BNF = _phased(known_BT[..., None].expand_as(units_BTU), season)
        sums_BNFS = moments(off_BNF, known_BNF, 1 / self.seasons, before_BMUS.flatten(1, 2))
        sums_BVUS = torch.cat([before_BMUS, sums_BNFS.reshape(len(off_BT), -1, *before_BMUS.shape[2:])[:, :steps]], 1)
        mean_BVU, error_BVU = mean_and_error(sums_BVUS)
        middle_BTU, error_BTU = (each[:, 1:].unfold(1, season, 1).mean(-1) for each in (mean_BVU, error_BVU))
        square_BTU = mean_BVU[:, 1:].square().unfold(1, season, 1).mean(-1) - middle_BTU.square()
        scale_BTU = believed(square_BTU, _CHANCE * error_BTU) * units_BTU
        ahead_BTUH = mean_BVU[:, 1:].unfold(1, season, 1)[..., self.ahead_H % season] - middle_BTU[..., None]
        now_BT = ((mean_BVU[:, season:] - middle_BTU) * scale_BTU).mean(-1)
        return now_BT, (ahead_BTUH * scale_BTU[..., None]).mean(2), sums_BVUS[:, -season:]

    def _drift(
        self, trail_BT: Tensor, known_BT: Tensor, units_BTU: Tensor, before: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The drift in the series' own units, by the steps of the trailing mean, which know no season: [B, T]

        Neighbouring steps share all but one of M values, so M of them count as one.
        """
        trail_B, known_B, sums_BUS = before
        goes_BT = known_BT & (_before(known_BT.double(), known_B) > 0)
        steps_BTU = (trail_BT - _before(trail_BT, trail_B))[..., None] / units_BTU
        fade = 1 / (self.horizons * self.horizon)
        sums_BTUS = moments(steps_BTU, goes_BT[..., None].expand_as(steps_BTU), fade, sums_BUS)
        mean_BTU, error_BTU = mean_and_error(sums_BTUS)
        drift_BTU = mean_BTU * believed(mean_BTU.square(), self.season * error_BTU) * units_BTU
        return drift_BTU.mean(-1), (trail_BT[:, -1], known_BT[:, -1].double(), sums_BTUS[:, -1])

    def _smooth(
        self, bare_BT: Tensor, drift_BT: Tensor, known_BT: Tensor, spread_BT: Tensor, before: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The level by the weights with the least squared errors so far, [B, T]."""
        known_B, drift_B, level_BA, error_BA = before
        goes_BT1 = (known_BT & (_before(known_BT.double(), known_B) > 0))[..., None]
        moved_BT1, bare_BT1 = _before(drift_BT, drift_B)[..., None], bare_BT[..., None]
        log_keep_BTA = torch.where(goes_BT1, torch.log1p(-self.weight_A), _NOTHING)
        new_BTA = self.weight_A * bare_BT1 + (1 - self.weight_A) * moved_BT1
        level_BTA = scan(log_keep_BTA, torch.where(goes_BT1, new_BTA, bare_BT1), level_BA)
        guess_BTA = torch.cat([level_BA[:, None], level_BTA[:, :-1]], 1) + moved_BT1
        off_BTA = torch.where(goes_BT1, (bare_BT1 - guess_BTA) / spread_BT[..., None], 0.0)
        error_BTA = error_BA[:, None] + off_BTA.square().cumsum(1)
        share_BTA = (-_POWER * error_BTA.log().clamp(min=_NOTHING)).softmax(-1)
        smooth_BT = (share_BTA * level_BTA).sum(-1)
        return smooth_BT, (known_BT[:, -1].double(), drift_BT[:, -1], level_BTA[:, -1], error_BTA[:, -1])

    def _first(self, y_BT: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """The state before the first row: of season, drift and level."""
        none_B = torch.zeros_like(y_BT[:, 0])
        none_BA = none_B[:, None].expand(-1, len(self.weight_A))
        seasons_BMUS = none_B[:, None, None, None].expand(-1, self.season, _UNITS - 1, MOMENTS)
        drifts_BUS = none_B[:, None, None].expand(-1, _UNITS, MOMENTS)
        return seasons_BMUS, (none_B, none_B, drifts_BUS), (none_B, none_B, none_BA, none_BA)


def _before(x_BT: Tensor, first_B: Tensor) -> Tensor:
    """Each step's value before, [B, T]."""
    return torch.cat([first_B[:, None], x_BT[:, :-1]], 1)


def _phased(x_BTD: Tensor, season: int) -> Tensor:
    """Steps of the same phase one after the other, [B, T / M, M * D]; the last season is filled up."""
    return pad(x_BTD, (0, 0, 0, -x_BTD.shape[1] % season)).reshape(len(x_BTD), -1, season * x_BTD.shape[2])
