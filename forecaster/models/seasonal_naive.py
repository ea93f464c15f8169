"""The last season repeated."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.models.base import Inputs, Memory, Model, Outlook, Task

__all__ = ["SeasonalNaive"]


class SeasonalNaive(Model):
    """The value one season back, or the last value where there is no season; nothing is learned.

    Shapes:  see `Model`
    Units:   widths are those of its own errors on the training rows, at each horizon step
    Missing: filled with an earlier value
    Fails:   on trends, and where the season is not the one given
    Source:  Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2
    """

    memory: ClassVar[Memory] = "context"
    covariates: ClassVar[bool] = False
    learned: ClassVar[bool] = False

    lags_H: Tensor
    params_P: Tensor

    def __init__(self, config: Model.Config, task: Task) -> None:
        super().__init__(config, task)
        ahead_H = torch.arange(1, task.horizon + 1)
        self.register_buffer("lags_H", task.window - 1 - (-ahead_H) % task.season, persistent=False)
        self.register_buffer("params_P", torch.tensor(task.parameters), persistent=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        return inputs.window_BTW[..., :0], state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        start = window[..., self.lags_H]
        return Outlook(start, self.params_P.expand(*start.shape, -1))
