"""The last season repeated."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.models.base import Inputs, Memory, Model, Task

__all__ = ["SeasonalNaive"]


class SeasonalNaive(Model):
    """The value one season back, or the last value where there is no season; nothing is learned.

    Shapes:  see `Model`
    Units:   the spread grows with the root of the seasons ahead, as a random walk's does; calibration sets its size
    Missing: the causal stand-in of a missing value
    Fails:   on trends, and where the season is not the one given
    Source:  Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2
    """

    memory: ClassVar[Memory] = "context"
    learned: ClassVar[bool] = False

    lags_H: Tensor
    spread_HP: Tensor

    def __init__(self, config: Model.Config, task: Task) -> None:
        super().__init__(config, task)
        ahead_H = torch.arange(1, task.horizon + 1)
        self.register_buffer("lags_H", task.window - 1 - (-ahead_H) % task.season, persistent=False)
        seasons_H1 = torch.div(ahead_H - 1, task.season, rounding_mode="floor")[:, None] + 1
        increments_P = torch.tensor(task.parameters[1:])
        self.register_buffer("spread_HP", increments_P + 0.5 * torch.log(seasons_H1.float()), persistent=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        return inputs.window_BTW[..., :0], state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Tensor:
        location = window[..., self.lags_H, None]
        spread = self.spread_HP.expand(*location.shape[:-1], -1)
        return torch.cat([location, spread], -1)
