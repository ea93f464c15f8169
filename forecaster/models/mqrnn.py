"""A multi-horizon quantile recurrent forecaster."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from forecaster.layers.decoders import Forking
from forecaster.layers.recurrent import Cell
from forecaster.models._recurrent import Recurrent

__all__ = ["MqRnn"]


class MqRnn(Recurrent):
    """An LSTM with two decoders: the first gives a context for each horizon step, the second makes a distribution of it.

    The second decoder also reads the known-future features of its own step, so what is planned for a time changes the
    forecast of that time.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   as lstm does; without known-future features it is only slower than lstm
    Source:  Wen et al. (2017), arXiv 1711.11053; its forking sequences are how every model here is trained
    """

    cell: ClassVar[Cell] = "lstm"
    cost: ClassVar[float] = 2.5

    @dataclass(frozen=True, kw_only=True)
    class Config(Recurrent.Config):
        context: int = 16
        """Width of the context of each horizon step, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.context < 1:
                raise ValueError(f"context must be at least 1, got {self.context}")

    config: Config

    def build_decoder(self) -> nn.Module:
        task, config = self.task, self.config
        return Forking(config.width, task.horizon, task.parameters, task.ahead_width, config.context)
