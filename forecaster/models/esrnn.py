"""Exponential smoothing combined with a recurrent network (ES-RNN)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from forecaster.layers.decoders import Direct
from forecaster.layers.recurrent import RecurrentStack
from forecaster.layers.smoothing import joined, smoothed, without
from forecaster.layers.statics import Statics
from forecaster.models.base import Inputs, Memory, Model, Outlook, Size, Task
from forecaster.panel.panel import RESTLESS

__all__ = ["EsRnn"]

_SIZES: dict[Size, tuple[int, tuple[int, ...]]] = {"s": (32, (1, 2)), "m": (64, (1, 2, 4)), "l": (128, (1, 2, 4, 8))}
_FURTHEST = 30.0
_MOST = 1 - 1e-6
"""Weight of the very first value: with 1, the logarithm of the remaining weight would be infinite."""
_LEAST = 0.01
"""With `multiply`, a value counts as at least this share of level plus spread, since a series may reach zero later."""


class EsRnn(Model):
    """Level and seasons are found by exponential smoothing; dilated LSTM layers read what remains of the lag window.

    Forecasts start from the smoothed level and seasons. The smoothing weights are learned together with the network, as a
    function of how much a series varies; so a series that was not in the training has its own smoothing, too. Level and
    seasons are added, so values may be zero or negative; the spread, which follows the size of the series, scales what
    remains. With `multiply`, for values that are all clearly positive, level and seasons are multiplied instead.

    Shapes:  see `Model`; M steps in a season, the shortest season first
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   on seasons that are not smoothed, unless the network learns them from its window; with `multiply`, on values near
        zero, which count as slightly positive
    Source:  Smyl (2020), IJF 36(1), the winner of M4: smoothing, one or two seasons, residual dilated LSTM, pinball loss, and
        a penalty on changes of the trend. There, each series has smoothing weights of its own, and seasons always multiply
    """

    memory: ClassVar[Memory] = "state"
    cost: ClassVar[float] = 1.5

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        size: Size = "m"
        """Size of the network: s (width 32, 2 layers), m (64, 3) or l (128, 4)."""
        wiggle: float = 0.1
        """Weight of the penalty in the loss: the mean squared change of the level's step from row to row, in units of the
        spread."""
        smooth: int = 1
        """Number of seasons to smooth, the shortest first: 0, 1 or 2."""
        multiply: bool = False
        """Multiply level and seasons instead of adding them; for values that are all clearly positive."""

        def __post_init__(self) -> None:
            if self.size not in _SIZES:
                raise ValueError(f"size must be s, m or l, got '{self.size}'")
            if self.wiggle < 0:
                raise ValueError(f"wiggle must not be negative, got {self.wiggle}")
            if self.smooth not in (0, 1, 2):
                raise ValueError(f"smooth must be 0, 1 or 2, got {self.smooth}")

    config: Config

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        width, dilations = _SIZES[config.size]
        self.seasons = sorted(lag for lag in task.anchors if lag > 1)[: config.smooth]
        self.statics = Statics(task.static_width, task.categories)
        self.embed = nn.Linear(task.window + task.step_width + self.statics.width, width)
        self.encoder = RecurrentStack("lstm", width, dilations, 0.0)
        self.merge = nn.Linear(2 * width, width)
        self.decoder = Direct(width, task.horizon, task.parameters, task.ahead_width)
        weights = max(1, len(self.seasons))
        self.follow = nn.Linear(RESTLESS, 1 + weights)
        nn.init.zeros_(self.follow.weight)
        with torch.no_grad():
            self.follow.bias.copy_(torch.tensor([0.0] + [-1.0] * weights))

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """Hidden states, the last change of the level, and the smoothed forecast of each step ahead; the latter two in units
        of the spread."""
        how = {"multiply": self.config.multiply}
        level_BT1, spread_BT1 = inputs.level_BT[..., None], inputs.spread_BT[..., None]
        past_BTW = level_BT1 + inputs.window_BTW * spread_BT1
        if self.config.multiply:
            past_BTW = torch.maximum(past_BTW, _LEAST * (level_BT1.abs() + spread_BT1))
        before_B, own_BU, seasons, encoder = self._first(past_BTW[:, 0]) if state is None else state
        alpha_BT, *gammas = self._weights(inputs)
        smooth_BT, parts = smoothed(past_BTW[..., -1], alpha_BT, gammas, before_B, seasons, **how)
        steps = smooth_BT.shape[1]
        neutral_BT = torch.full_like(smooth_BT, float(self.config.multiply))
        own_BU = torch.cat([own_BU, joined(neutral_BT, *(part[:, :steps] for part in parts), **how)], 1)
        bare_BTW = without(past_BTW, own_BU.unfold(1, self.task.window, 1), **how)
        left_BTW = ((bare_BTW - smooth_BT[..., None]) / spread_BT1).clamp(-_FURTHEST, _FURTHEST)
        static_BTK = self.statics(inputs.static_BK)[:, None].expand(-1, steps, -1)
        embedded_BTD = gelu(self.embed(torch.cat([left_BTW.float(), inputs.steps_BTI, static_BTK], -1)))
        encoded_BTD, encoder = self.encoder(embedded_BTD, encoder)
        # Changes of a plain mean are not penalised.
        moved_BT = (smooth_BT - torch.cat([before_B[:, None], smooth_BT[:, :-1]], 1)) * inputs.begun_BTW[..., 0]
        start_BTH = joined(smooth_BT[..., None], *self._ahead(parts), **how).expand(-1, -1, self.task.horizon)
        told = (torch.cat([moved_BT[..., None], start_BTH - level_BT1], -1) / spread_BT1).float()
        seasons = [part[:, steps:] for part in parts]
        return torch.cat([encoded_BTD, embedded_BTD, told], -1), (smooth_BT[:, -1], own_BU[:, steps:], seasons, encoder)

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        network, start = states[..., : -self.task.horizon - 1], states[..., -self.task.horizon :]
        return Outlook(start, self.decoder(gelu(self.merge(network)), ahead))

    def penalty(self, states: Tensor) -> Tensor | float:
        return self.config.wiggle * states[..., -self.task.horizon - 1].diff(dim=1).square().mean()

    def _weights(self, inputs: Inputs) -> list[Tensor]:
        """Smoothing weights of level and seasons, each [B, T] float64. Until the first window is full, level and shortest
        season are plain means of the values so far.

        With learned weights from the start, it would take dozens of seasons to find a season.
        """
        alpha_BT, *gammas = torch.sigmoid(self.follow(inputs.steps_BTI[..., -RESTLESS:])).double().unbind(-1)
        seen_BT, young_BT = inputs.begun_BTW.sum(-1).clamp(min=1), ~inputs.begun_BTW[..., 0]
        alpha_BT = torch.where(young_BT, (1 / seen_BT).clamp(max=_MOST), alpha_BT)
        for season in self.seasons[:1]:
            times_BT = torch.div(seen_BT - 1, season, rounding_mode="floor") + 1
            gammas[0] = torch.where(young_BT, 1 / times_BT, gammas[0])
        return [alpha_BT, *gammas]

    def _ahead(self, parts: list[Tensor]) -> list[Tensor]:
        """The values of each season at the steps of the horizon: [B, T, H]"""
        step_H = torch.arange(self.task.horizon, device=self.follow.bias.device)
        pairs = zip(parts, self.seasons, strict=True)
        return [part_BU[:, 1:].unfold(1, season, 1)[..., step_H % season] for part_BU, season in pairs]

    def _first(self, past_BW: Tensor) -> tuple[Tensor, Tensor, list[Tensor], None]:
        """The start of the smoothing: level, joint season of the first window's W - 1 earlier steps, and M values of each
        season, beginning with that of the newest step.

        A second season starts at zero: else it would explain all that remains of the window, and nothing would be left for the
        network to read.
        """
        window, level_B1 = self.task.window, past_BW[:, -1:]
        none_B1 = torch.full_like(level_B1, float(self.config.multiply))
        seasons, shortest = [none_B1.expand(-1, season) for season in self.seasons], min(self.seasons, default=1)
        whole = (window - 1) // shortest * shortest
        if whole:
            means_BM = past_BW[:, window - 1 - whole : -1].reshape(len(past_BW), -1, shortest).mean(1)
            level_B1 = means_BM.mean(1, keepdim=True)
            seasons[:1] = [without(means_BM, level_B1, multiply=self.config.multiply)] if seasons else []
        # Index 0 is the season's value at the newest step; the values repeat in both directions.
        place = torch.arange(1 - window, 0, device=past_BW.device) % shortest
        own_BV = seasons[0][:, place] if seasons else none_B1.expand(-1, window - 1)
        return level_B1[:, 0], own_BV, seasons, None
