"""Exponential smoothing and a recurrent network in one."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from forecaster.layers.decoders import Direct
from forecaster.layers.recurrent import RecurrentStack
from forecaster.layers.smoothing import smoothed
from forecaster.layers.statics import Statics
from forecaster.models.base import Inputs, Memory, Model, Outlook, Size, Task
from forecaster.panel.panel import RESTLESS

__all__ = ["EsRnn"]

_SIZES: dict[Size, tuple[int, tuple[int, ...]]] = {"s": (32, (1, 2)), "m": (64, (1, 2, 4)), "l": (128, (1, 2, 4, 8))}
_FURTHEST = 30.0


class EsRnn(Model):
    """Level and season by exponential smoothing; what they leave of the lag window is read by dilated LSTM layers.

    Forecasts start at the smoothed level and season. How fast these follow is learned with the network, from how restless
    a series is, so that a series that was never seen has its own smoothing too. Level and season add up: values may be
    zero or negative, and the spread, which grows with a series, does what multiplying would.

    Shapes:  see `Model`; M steps in the (shortest) season, 1 where there is none
    Missing: a causal stand-in in the window, with flags beside it where training had gaps
    Fails:   with several seasons only the shortest is smoothed; the network must learn the others from its window
    Source:  Smyl (2020), IJF 36(1), the winner of M4: smoothing, residual dilated LSTM, pinball loss, and a penalty on levels
        that wiggle; his smoothing weights are one pair for each series, and his seasons multiply
    """

    memory: ClassVar[Memory] = "state"

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        size: Size = "m"
        """The one dial: s (32 wide, 2 layers), m (64, 3) or l (128, 4)."""
        wiggle: float = 0.1
        """Weight of the penalty: mean square of how the level's step changes, in spreads."""

        def __post_init__(self) -> None:
            if self.size not in _SIZES:
                raise ValueError(f"size must be s, m or l, got '{self.size}'")
            if self.wiggle < 0:
                raise ValueError(f"wiggle must not be negative, got {self.wiggle}")

    config: Config

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        width, dilations = _SIZES[config.size]
        self.season = min((lag for lag in task.anchors if lag > 1), default=1)
        self.statics = Statics(task.static_width, task.categories)
        self.embed = nn.Linear(task.window + task.step_width + self.statics.width, width)
        self.encoder = RecurrentStack("lstm", width, dilations, 0.0)
        self.merge = nn.Linear(2 * width, width)
        self.decoder = Direct(width, task.horizon, task.parameters, task.ahead_width)
        self.follow = nn.Linear(RESTLESS, 2)
        nn.init.zeros_(self.follow.weight)
        with torch.no_grad():
            self.follow.bias.copy_(torch.tensor([0.0, -1.0]))

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """Hidden states, the level's last step, the level, and the next M seasonal parts, in spreads of each step."""
        spread_BT1 = inputs.spread_BT[..., None]
        past_BTW = inputs.level_BT[..., None] + inputs.window_BTW * spread_BT1
        level_B, parts_BU, encoder = self._first(past_BTW[:, 0]) if state is None else state
        alpha_BT, gamma_BT = torch.sigmoid(self.follow(inputs.steps_BTI[..., -RESTLESS:])).double().unbind(-1)
        level_BT, season_BU = smoothed(past_BTW[..., -1], alpha_BT, gamma_BT, level_B, parts_BU[:, -self.season :])
        window = self.task.window
        parts_BU = torch.cat([parts_BU[:, : -self.season], season_BU], 1)
        own_BTW = parts_BU[:, : -self.season].unfold(1, window, 1)
        left_BTW = ((past_BTW - level_BT[..., None] - own_BTW) / spread_BT1).clamp(-_FURTHEST, _FURTHEST)
        static_BTK = self.statics(inputs.static_BK)[:, None].expand(-1, left_BTW.shape[1], -1)
        embedded_BTD = gelu(self.embed(torch.cat([left_BTW.float(), inputs.steps_BTI, static_BTK], -1)))
        encoded_BTD, encoder = self.encoder(embedded_BTD, encoder)
        before_BT = torch.cat([level_B[:, None], level_BT[:, :-1]], 1)
        next_BTM = parts_BU[:, window:].unfold(1, self.season, 1)
        smooth = torch.cat([(level_BT - before_BT)[..., None], (level_BT - inputs.level_BT)[..., None], next_BTM], -1)
        states = torch.cat([encoded_BTD, embedded_BTD, (smooth / spread_BT1).float()], -1)
        return states, (level_BT[:, -1], parts_BU[:, -(window - 1 + self.season) :], encoder)

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        network, smooth = states[..., : -self.season - 2], states[..., -self.season - 2 :]
        place_H = torch.arange(self.task.horizon, device=states.device) % self.season
        return Outlook(smooth[..., 1:2] + smooth[..., 2 + place_H], self.decoder(gelu(self.merge(network)), ahead))

    def penalty(self, states: Tensor) -> Tensor | float:
        return self.config.wiggle * states[..., -self.season - 2].diff(dim=1).square().mean()

    def _first(self, past_BW: Tensor) -> tuple[Tensor, Tensor, None]:
        """Level and seasonal parts by the first window: of its W - 1 earlier steps, and of the M from its newest on."""
        season, window = self.season, self.task.window
        whole = (window - 1) // season * season
        means_BM = past_BW[:, window - 1 - whole : -1].reshape(len(past_BW), -1, season).mean(1) if whole else None
        parts_BM = torch.zeros_like(past_BW[:, :1]).expand(-1, season) if means_BM is None else means_BM
        level_B1 = past_BW[:, -1:] if means_BM is None else means_BM.mean(1, keepdim=True)
        parts_BM = parts_BM - parts_BM.mean(1, keepdim=True)
        # Number 0 stands where the newest value does; parts repeat to both sides.
        place = torch.arange(1 - window, season, device=past_BW.device) % season
        return level_B1[:, 0], parts_BM[:, place], None
