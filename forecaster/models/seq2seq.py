"""An encoder and a decoder, both recurrent: the decoder goes on from each state, step by step, reading its own forecasts."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from forecaster.layers.decoders import Recursive
from forecaster.layers.recurrent import KERNELS, Cell, RecurrentStack
from forecaster.models._recurrent import Recurrent

__all__ = ["Seq2Seq"]


class Seq2Seq(Recurrent):
    """A stack of LSTM or GRU layers reads the past; a GRU cell begins with its state and takes one step for each horizon step.

    Each step reads what the step before forecast, and the known future of its own time. In training, too, it reads its own
    forecasts, never the truth: so it learns to go on from its own errors, and needs no scheduled sampling.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   on long horizons: H steps are taken one after the other, and errors of early ones go on to later ones
    Source:  Sutskever, Vinyals and Le (2014), NeurIPS; Cho et al. (2014), EMNLP; on reading the truth in training: Bengio
        et al. (2015), Scheduled sampling, NeurIPS
    """

    cost: ClassVar[float] = 3.5

    @dataclass(frozen=True, kw_only=True)
    class Config(Recurrent.Config):
        cell: Cell = "lstm"
        """Kind of the encoder's cells: rnn, lstm or gru."""
        steps_width: int = 32
        """Width of the decoder, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.cell not in KERNELS:
                raise ValueError(f"cell must be rnn, lstm or gru, got '{self.cell}'")
            if self.steps_width < 1:
                raise ValueError(f"steps_width must be at least 1, got {self.steps_width}")

    config: Config

    def build_encoder(self) -> nn.Module:
        return RecurrentStack(self.config.cell, self.config.width, self.config.steps_back, self.config.dropout)

    def build_decoder(self) -> nn.Module:
        task, config = self.task, self.config
        return Recursive(config.width, task.horizon, task.parameters, task.ahead_width, config.steps_width)
