"""What recurrent models with attention over their past states share."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecaster.layers.attention import AdditiveScore, Attention, DotScore, ScoreName, last_step
from forecaster.layers.recurrent import Cell, RecurrentStack
from forecaster.models.base import Inputs, Memory, OnePass

__all__ = ["Attended"]


class Attended(OnePass):
    """A recurrent stack whose every state attends to the states before it; members name the `cell`."""

    memory: ClassVar[Memory] = "state"
    cell: ClassVar[Cell]

    @dataclass(frozen=True, kw_only=True)
    class Config(OnePass.Config):
        score: ScoreName = "dot"
        """How states are compared: scaled dot products in four heads, or a small network (additive)."""
        context_steps: int = 48
        """States that are attended to, the newest included."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.context_steps < 1:
                raise ValueError(f"context_steps must be at least 1, got {self.context_steps}")

    config: Config

    def build_encoder(self) -> nn.Module:
        config = self.config
        stack = RecurrentStack(self.cell, config.width, (1,) * config.depth, config.dropout)
        score = DotScore(config.width, 4) if config.score == "dot" else AdditiveScore(config.width)
        return _Attending(stack, Attention(score, config.width, config.context_steps))

    def attention(self, inputs: Inputs) -> Tensor:
        assert isinstance(self.encoder, _Attending)
        states_BTD, _ = self.encoder.stack(self.embedded(inputs))
        return self.encoder.attention.handed_on(self.encoder.norm(states_BTD), last_step(states_BTD))


class _Attending(nn.Module):
    """States, and what they find in the states before them, added."""

    def __init__(self, stack: RecurrentStack, attention: Attention) -> None:
        super().__init__()
        self.stack, self.attention = stack, attention
        self.norm = nn.LayerNorm(attention.value.in_features)

    def forward(self, x_BTD: Tensor, state: tuple[Any, Any] | None = None) -> tuple[Tensor, tuple[Any, Any]]:
        before = (None, None) if state is None else state
        states_BTD, recurrent = self.stack(x_BTD, before[0])
        found_BTD, ring = self.attention(self.norm(states_BTD), before[1])
        return torch.add(states_BTD, found_BTD), (recurrent, ring)
