"""Minimal gated cells, whose gates see the input alone: the state is a linear recurrence, computed by a scan."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from forecaster.layers.scan import scan

__all__ = ["MinGruLayer", "MinLstmLayer", "MinimalStack"]


class _Minimal(nn.Module, ABC):
    """A layer [B, T, D], state [B, D] -> [B, T, D], state.

    Source: Feng et al. (2024), Were RNNs all we needed?, section 3; the state starts at 0
    """

    def forward(self, x_BTD: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        log_keep_BTD, new_BTD = self.parts(x_BTD)
        before_BD = torch.zeros_like(x_BTD[:, 0]) if state is None else state
        h_BTD = scan(log_keep_BTD, new_BTD, before_BD)
        return h_BTD, h_BTD[:, -1]

    @abstractmethod
    def parts(self, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """Logarithm of the share of the state that is kept, and what is added to it."""


class MinGruLayer(_Minimal):
    """h_t = (1 - z_t) h_{t-1} + z_t W x_t, with z_t a sigmoid of the input."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)

    def parts(self, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
        gate_BTD = self.gate(x_BTD)
        return logsigmoid(-gate_BTD), gate_BTD.sigmoid() * torch.tanh(self.value(x_BTD))


class MinLstmLayer(_Minimal):
    """h_t = f_t h_{t-1} + i_t W x_t, with forget and input gates scaled to sum to 1."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.forget = nn.Linear(hidden, hidden)
        self.enter = nn.Linear(hidden, hidden)
        self.value = nn.Linear(hidden, hidden)

    def parts(self, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
        forget, enter = logsigmoid(self.forget(x_BTD)), logsigmoid(self.enter(x_BTD))
        # log(f / (f + i)) and its complement, without leaving logarithms.
        log_keep, log_enter = -softplus(enter - forget), -softplus(forget - enter)
        return log_keep, log_enter.exp() * torch.tanh(self.value(x_BTD))


class MinimalStack(nn.Module):
    """Stacked minimal layers, each followed by a small network; both add their output to their input.

    Shapes:  [B, T, D] -> [B, T, D], with the state after the last step
    """

    def __init__(self, layer: Callable[[int], nn.Module], hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layer(hidden) for _ in range(layers))
        self.mixes = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 2 * hidden), nn.GELU(), nn.Linear(2 * hidden, hidden))
            for _ in range(layers)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, state: list[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        after = []
        for depth, (layer, mix) in enumerate(zip(self.layers, self.mixes, strict=True)):
            if depth > 0:
                x_BTD = self.dropout(x_BTD)
            out_BTD, last = layer(x_BTD, None if state is None else state[depth])
            x_BTD = x_BTD + out_BTD
            x_BTD = x_BTD + mix(x_BTD)
            after.append(last)
        return x_BTD, after
