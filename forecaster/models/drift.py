"""The straight line through the first and the last value."""

from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.models.base import Inputs, Memory, Model, Outlook, Task

__all__ = ["Drift"]


class Drift(Model):
    """The last value, moved on by the mean step of the lag window; nothing is learned.

    Shapes:  see `Model`
    Units:   widths are those of its own errors on the training rows, at each horizon step
    Missing: filled with an earlier value
    Fails:   on seasons, and where a trend ends
    Source:  Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2, over a window instead of all
    """

    memory: ClassVar[Memory] = "state"
    covariates: ClassVar[bool] = False
    learned: ClassVar[bool] = False

    params_P: Tensor

    def __init__(self, config: Model.Config, task: Task) -> None:
        super().__init__(config, task)
        self.register_buffer("params_P", torch.tensor(task.parameters), persistent=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """The mean step of the window at each cutoff, [B, T, 1]; the state is the number of steps read of each row, [B]."""
        window_BTW = inputs.window_BTW
        rows, steps, width = window_BTW.shape
        before_B = torch.zeros(rows, dtype=torch.long, device=window_BTW.device) if state is None else state
        read_BT = before_B[:, None] + torch.arange(steps, device=window_BTW.device)
        back_BT1 = read_BT.clamp(max=width - 1)[..., None]
        step_BT1 = (window_BTW[..., -1:] - window_BTW.gather(-1, width - 1 - back_BT1)) / back_BT1.clamp(min=1)
        return step_BT1, before_B + steps

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        start = window[..., -1:] + states * torch.arange(1, self.task.horizon + 1, device=states.device)
        return Outlook(start, self.params_P.expand(*start.shape, -1))
