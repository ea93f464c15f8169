"""The seasonal naive forecast with the lag that had the least error recently."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.layers.scan import scan
from forecaster.models.base import Inputs, Memory, Model, Outlook, Task

__all__ = ["BestNaive"]


class BestNaive(Model):
    """At each cutoff the value one lag back; of all seasons and lag 1, the lag with the least recent error is taken.

    Shapes:  see `Model`
    Units:   errors are those of forecasts at all horizon steps, in spreads of the row at which they became known
    Missing: filled with an earlier value
    Fails:   on trends, and where several seasons add up
    Source:  Hyndman and Athanasopoulos, Forecasting: Principles and Practice, section 5.2; the choice is ours
    """

    memory: ClassVar[Memory] = "state"
    covariates: ClassVar[bool] = False
    learned: ClassVar[bool] = False
    scale: ClassVar[str] = "reverting"

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        horizons: float = 2.0
        """How many horizons back errors count; their weight fades with time."""

        def __post_init__(self) -> None:
            if self.horizons <= 0:
                raise ValueError(f"horizons must be positive, got {self.horizons}")

    config: Config
    lags_KH: Tensor
    back_KH: Tensor
    params_P: Tensor

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        ahead_H, newest = torch.arange(1, task.horizon + 1), task.window - 1
        lags_K1 = torch.tensor(task.anchors)[:, None]
        self.register_buffer("lags_KH", newest - (-ahead_H) % lags_K1, persistent=False)
        # Where the forecast of the newest value stood, made h steps before; as far back as the window reaches.
        back_KH = (lags_K1 * -(-ahead_H // lags_K1)).clamp(max=newest)
        self.register_buffer("back_KH", newest - back_KH, persistent=False)
        self.register_buffer("params_P", torch.tensor(task.parameters), persistent=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """Exponentially faded sums of each lag's errors, [B, T, K]."""
        window_BTW = inputs.window_BTW
        newest_BT1 = window_BTW[..., -1:]
        errors_BTK = torch.stack([(newest_BT1 - window_BTW[..., back_H]).abs().mean(-1) for back_H in self.back_KH], -1)
        fade = -1.0 / (self.config.horizons * self.task.horizon)
        before_BK = torch.zeros_like(errors_BTK[:, 0]) if state is None else state
        sums_BTK = scan(torch.full_like(errors_BTK, fade), errors_BTK, before_BK)
        return sums_BTK, sums_BTK[:, -1]

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        start = torch.gather(window, -1, self.lags_KH[states.argmin(-1)])
        return Outlook(start, self.params_P.expand(*start.shape, -1))
