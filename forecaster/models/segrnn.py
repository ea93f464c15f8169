"""A recurrent network over segments of rows, which forecasts all segments of the horizon in parallel (SegRNN)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecaster.layers.anchors import Anchors
from forecaster.layers.cycle import Cycle
from forecaster.layers.decoders import Direct
from forecaster.layers.statics import Statics
from forecaster.models.base import Inputs, Memory, Model, Outlook, Size, Task, windows_of

__all__ = ["SegRnn"]

_SIZES: dict[Size, int] = {"s": 64, "m": 128, "l": 256}
_SEGMENTS = 15
"""Number of segments in a long window."""


class SegRnn(Model):
    """A GRU reads the lag window segment by segment. From its last state, one more step gives each segment of the horizon.

    The window is read anew at every cutoff, so a forecast depends on no rows before it. The values in a segment are
    distances from the level. Seasonal anchors repeat the last season of a series. With `cycle`, a cycle that is learned by
    calendar position is subtracted from the window and added to the forecasts; so a series shorter than a season has it,
    too.

    Shapes:  see `Model`; w rows in a segment, ceil(H / w) segments in the horizon
    Missing: filled in the window with an earlier value; a flag marks the newest row if the training rows had gaps, too
    Fails:   on short series, whose window has few segments; of covariates, it reads the newest row only
    Source:  Lin et al. (2023), SegRNN, arXiv 2308.11200: parallel multi-step forecasting; the cycle: Lin et al. (2024),
        CycleNet, NeurIPS
    """

    memory: ClassVar[Memory] = "context"
    alone: ClassVar[bool] = True
    cost: ClassVar[float] = 0.7
    lookback: ClassVar[int] = 720
    seasons_back: ClassVar[int] = 15

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        size: Size = "m"
        """Size of the network: s (width 64), m (128) or l (256)."""
        hidden: int = 0
        """Hidden width D; 0 takes that of `size`."""
        segment: int = 0
        """Steps in a segment; 0 takes 1/15 of the window, or 1/4 of the shortest season if that is longer."""
        dropout: float = 0.2
        """Dropout rate before the last linear layer, in [0, 1)."""
        cycle: int = 0
        """Steps in a learned cycle, such as 168 for a week of hours; 0 for none."""

        def __post_init__(self) -> None:
            if self.size not in _SIZES:
                raise ValueError(f"size must be s, m or l, got '{self.size}'")
            if self.hidden < 0 or self.segment < 0 or self.cycle < 0:
                raise ValueError("hidden, segment and cycle must not be negative")
            if not 0 <= self.dropout < 1:
                raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

        @property
        def width(self) -> int:
            """Hidden width D."""
            return self.hidden or _SIZES[self.size]

    config: Config

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        width = config.width
        season = task.shortest
        self.segment = min(config.segment or max(1, season // 4, task.window // _SEGMENTS), task.window)
        self.count = -(-task.horizon // self.segment)
        self.statics = Statics(task.static_width, task.categories)
        self.cycle = Cycle(config.cycle, self.statics.width) if config.cycle else None
        self.embed = nn.Linear(self.segment, width)
        self.features = nn.Linear(1 + task.step_width + self.statics.width, width)
        self.encoder = nn.GRU(width, width, batch_first=True)
        self.place = nn.Parameter(0.1 * torch.randn(self.count, width))
        self.decoder = nn.GRUCell(width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.out = Direct(width, self.segment, task.parameters, 0)
        self.anchors = Anchors(width, task.window, task.horizon, task.anchors, line=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        window_BTW, static_BK = inputs.window_BTW, self.statics(inputs.static_BK)
        rows, steps, _ = window_BTW.shape
        cycle = []
        if self.cycle is not None:
            cycle_BTM = self.cycle(inputs.number_B, static_BK, steps)
            begun_BT1 = inputs.begun_BTW.sum(-1, keepdim=True)
            window_BTW = self._bare(window_BTW, cycle_BTM, begun_BT1)
            cycle = [cycle_BTM, begun_BT1]
        static_BTK = static_BK[:, None].expand(-1, steps, -1)
        # The newest value itself too: relative to the level it says where in its range the series is.
        features_BTD = self.features(torch.cat([window_BTW[..., -1:], inputs.steps_BTI, static_BTK], -1))
        read = window_BTW.shape[-1] // self.segment * self.segment
        segments = window_BTW[..., -read:].reshape(rows * steps, -1, self.segment)
        _, last = self.encoder(torch.relu(self.embed(segments)))
        return torch.cat([last[0].reshape(rows, steps, -1) + features_BTD, *cycle], -1), state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        if self.cycle is None:
            return self._outlook(states, window, ahead)
        width = self.config.width
        cycle, begun = states[..., width:-1], states[..., -1:]
        outlook = self._outlook(states[..., :width], self._bare(window, cycle, begun), ahead)
        step_H = torch.arange(1, self.task.horizon + 1, device=states.device)
        return replace(outlook, start=outlook.start + cycle[..., step_H % self.cycle.length])

    def _bare(self, window: Tensor, cycle: Tensor, begun: Tensor) -> Tensor:
        """The window minus the cycle; rows before the series begins stay as they are. Shapes: [..., W], [..., M], [..., 1]"""
        back_W = torch.arange(1 - self.task.window, 1, device=window.device)
        return window - torch.where(-back_W < begun, cycle[..., back_W % cycle.shape[-1]], 0.0)

    def _outlook(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        flat = states.reshape(-1, states.shape[-1])
        place = self.place.expand(len(flat), -1, -1).flatten(0, 1)
        after = self.decoder(place, flat.repeat_interleave(self.count, 0))
        params = self.out(self.dropout(after), ahead).reshape(*states.shape[:-1], -1, len(self.task.parameters))
        return Outlook(self.anchors(states, window), params[..., : self.task.horizon, :])

    def choose_starts(self, some: Sequence[Inputs], target: Tensor, weight: Tensor) -> None:
        self.anchors.choose_starts(windows_of(some), target, weight)
