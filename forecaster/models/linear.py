"""A linear map of the lag window."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.layers.anchors import Anchors
from forecaster.layers.decoders import Direct
from forecaster.models.base import Inputs, Memory, Model, Outlook, Task, windows_of

__all__ = ["Linear"]

_PARTS = (1, 2, 4, 8)


class Linear(Model):
    """A weighted mean of seasonal starts, plus a linear map of the scaled lag window.

    How wide forecasts are depends on how much values changed in the whole window, and in its last half, quarter and eighth.

    Shapes:  see `Model`
    Missing: filled with an earlier value
    Fails:   where the future is no weighted sum of past values; it reads neither covariates nor the calendar
    Source:  NLinear: Zeng et al. (2023), AAAI; a moving average is a linear map, too, so DLinear is a special case
    """

    memory: ClassVar[Memory] = "context"
    covariates: ClassVar[bool] = False
    alone: ClassVar[bool] = True
    cost: ClassVar[float] = 0.1
    lookback: ClassVar[int] = 336
    seasons_back: ClassVar[int] = 14

    def __init__(self, config: Model.Config, task: Task) -> None:
        super().__init__(config, task)
        self.anchors = Anchors(len(_PARTS), task.window, task.horizon, task.anchors)
        self.decoder = Direct(len(_PARTS), task.horizon, task.parameters, 0)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        window_BTW = inputs.window_BTW
        moves = window_BTW.diff(dim=-1).abs() if self.task.window > 1 else window_BTW.abs()
        parts = [moves[..., -max(1, moves.shape[-1] // part) :].mean(-1) for part in _PARTS]
        return torch.stack(parts, -1).clamp(min=1e-3).log(), state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        return Outlook(self.anchors(states, window), self.decoder(states, ahead))

    def choose_starts(self, some: Sequence[Inputs], target: Tensor, weight: Tensor) -> None:
        self.anchors.choose_starts(windows_of(some), target, weight)
