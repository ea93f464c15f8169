"""A recurrent network that reads each lag window in both directions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecaster.layers.anchors import Anchors
from forecaster.layers.decoders import Direct
from forecaster.layers.recurrent import KERNELS, Cell
from forecaster.layers.statics import Statics
from forecaster.models.base import Inputs, Memory, Model, OnePass, Outlook, Task, windows_of

__all__ = ["Bidirectional"]


class Bidirectional(Model):
    """An LSTM, GRU or RNN reads the lag window row by row, from the first to the newest and back; both last states forecast.

    The way back sees what came after each row, but nothing after the cutoff: the window ends there. So the window is read
    anew at every cutoff, and a forecast depends on no rows before it. Layers are stacked, each reads both directions below.

    Shapes:  see `Model`; each direction is D / 2 wide
    Missing: filled in the window with an earlier value; a flag marks the newest row if the training rows had gaps, too
    Fails:   on long windows: it takes W steps for every cutoff; of covariates, it reads the newest row only
    Source:  Schuster and Paliwal (1997), IEEE Transactions on Signal Processing 45(11)
    """

    memory: ClassVar[Memory] = "context"
    alone: ClassVar[bool] = True
    cost: ClassVar[float] = 7.0

    @dataclass(frozen=True, kw_only=True)
    class Config(OnePass.Config):
        cell: Cell = "lstm"
        """Kind of cell: rnn, lstm or gru."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.cell not in KERNELS:
                raise ValueError(f"cell must be rnn, lstm or gru, got '{self.cell}'")
            if self.width % 2:
                raise ValueError(f"hidden must be even, half for each direction, got {self.width}")

    config: Config

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        width = config.width
        self.statics = Statics(task.static_width, task.categories)
        self.embed = nn.Linear(2, width)
        self.encoder = KERNELS[config.cell](
            width,
            width // 2,
            config.depth,
            batch_first=True,
            bidirectional=True,
            dropout=config.dropout if config.depth > 1 else 0.0,
        )
        self.features = nn.Linear(1 + task.step_width + self.statics.width, width)
        self.merge = nn.Linear(2 * width, width)
        self.anchors = Anchors(width, task.window, task.horizon, task.anchors)
        self.decoder = Direct(width, task.horizon, task.parameters, task.ahead_width)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        window_BTW = inputs.window_BTW
        rows_BTW2 = torch.stack([window_BTW, inputs.begun_BTW.to(window_BTW.dtype)], -1)
        _, last = self.encoder(nn.functional.gelu(self.embed(rows_BTW2.flatten(0, 1))))
        hidden = last[0] if isinstance(last, tuple) else last
        both_BTD = torch.cat([hidden[-2], hidden[-1]], -1).reshape(*window_BTW.shape[:2], -1)
        static_BTK = self.statics(inputs.static_BK)[:, None].expand(-1, window_BTW.shape[1], -1)
        # The newest value itself too: relative to the level it says where in its range the series is.
        newest_BTD = self.features(torch.cat([window_BTW[..., -1:], inputs.steps_BTI, static_BTK], -1))
        return torch.cat([both_BTD, newest_BTD], -1), state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        hidden = nn.functional.gelu(self.merge(states))
        return Outlook(self.anchors(hidden, window), self.decoder(hidden, ahead))

    def choose_starts(self, some: Sequence[Inputs], target: Tensor, weight: Tensor) -> None:
        self.anchors.choose_starts(windows_of(some), target, weight)
