"""A causal patch transformer."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from forecaster.layers.attention import Attention, DotScore, State, last_step
from forecaster.models.base import Inputs, Memory, OnePass

__all__ = ["Transformer"]


class Transformer(OnePass):
    """Layers of attention. Each step's lag window is a patch that ends there, and a step attends to the patches before it.

    Odd layers attend to the `context_steps` newest patches, even layers to as many that are a season apart.

    Shapes:  see `OnePass`
    Missing: filled in the window with an earlier value; flags mark it if the training rows had gaps, too
    Fails:   on few short series; it cannot remember what lies further back than its layers reach together
    Source:  Vaswani et al. (2017), NeurIPS; patches: Nie et al. (2023), ICLR; normalised first: Xiong et al. (2020), ICML
    """

    memory: ClassVar[Memory] = "context"
    cost: ClassVar[float] = 2.0

    @dataclass(frozen=True, kw_only=True)
    class Config(OnePass.Config):
        context_steps: int = 32
        """Patches that a step attends to, its own included."""
        heads: int = 4
        """Must divide the width."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.context_steps < 1 or self.heads < 1 or self.width % self.heads:
                raise ValueError("context_steps must be at least 1, and heads must divide the width")

    config: Config

    def build_encoder(self) -> nn.Module:
        config = self.config
        season = self.task.shortest
        blocks = [
            _Block(config.width, config.heads, config.context_steps, season if depth % 2 else 1)
            for depth in range(config.depth)
        ]
        return _Blocks(blocks, config.dropout)

    def attention(self, inputs: Inputs) -> Tensor:
        assert isinstance(self.encoder, _Blocks)
        return self.encoder.rolled_out(self.embedded(inputs))


class _Block(nn.Module):
    """Attention, then a small network, each added to its normalised input."""

    def __init__(self, hidden: int, heads: int, context: int, dilation: int) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention = Attention(DotScore(hidden, heads), hidden, context, dilation)
        self.mix = nn.Sequential(nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))

    def forward(self, x_BTD: Tensor, state: State | None) -> tuple[Tensor, State]:
        found_BTD, state = self.attention(self.first(x_BTD), state)
        x_BTD = x_BTD + found_BTD
        return torch.add(x_BTD, self.mix(self.second(x_BTD))), state


class _Blocks(nn.Module):
    def __init__(self, blocks: list[_Block], dropout: float) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        after = []
        for depth, block in enumerate(self.blocks):
            x_BTD, ring = block(self.dropout(x_BTD) if depth else x_BTD, None if state is None else state[depth])
            after.append(ring)
        return x_BTD, after

    def rolled_out(self, x_BTD: Tensor) -> Tensor:
        """Shares of all steps in the last one, [B, T]: half of each block's output is taken to be its input.

        Source: Abnar and Zuidema (2020), Quantifying attention flow in transformers, section 4
        """
        blocks = [block for block in self.blocks if isinstance(block, _Block)]
        read = []
        for block in blocks:
            read.append(block.first(x_BTD))
            x_BTD, _ = block(x_BTD, None)
        share_BT = last_step(x_BTD)
        for block, seen_BTD in zip(reversed(blocks), reversed(read), strict=True):
            share_BT = (share_BT + block.attention.handed_on(seen_BTD, share_BT)) / 2
        return share_BT
