"""A stack of recurrent layers with residual connections."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from forecaster.layers.phases import interleaved, parted

__all__ = ["KERNELS", "Cell", "Dilated", "RecurrentStack", "State"]

Cell = Literal["rnn", "lstm", "gru"]
State = list[tuple[Tensor, ...]]

KERNELS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
_CELLS: dict[Cell, Callable[..., Any]] = {"rnn": torch.rnn_tanh_cell, "lstm": torch.lstm_cell, "gru": torch.gru_cell}
"""One step of each, by the same weights."""


class RecurrentStack(nn.Module):
    """Stacked recurrent layers, each adding its output to its input.

    Shapes:  [B, T, D] -> [B, T, D], with the state after the last step; the same state continues a series
    Source:  the kernels are torch's fused ones; dropout lies between layers only (Zaremba et al., 2014); dilations
        as in Chang et al. (2017), NeurIPS
    """

    def __init__(self, cell: Cell, hidden: int, dilations: Sequence[int], dropout: float) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Dilated(cell, hidden, dilation) for dilation in dilations)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        after: State = []
        for depth, layer in enumerate(self.layers):
            if depth > 0:
                x_BTD = self.dropout(x_BTD)
            out_BTD, last = layer(x_BTD, None if state is None else state[depth])
            x_BTD = x_BTD + out_BTD
            after.append(last)
        return x_BTD, after


class Dilated(nn.Module):
    """A recurrent layer whose step t continues from step t - d.

    Shapes:  [B, T, D] -> [B, T, D]; its state is one or two [B, d, D], first the one that the next step continues
    """

    def __init__(self, cell: Cell, hidden: int, dilation: int = 1) -> None:
        super().__init__()
        self.kernel = KERNELS[cell](hidden, hidden, batch_first=True)
        self.cell, self.dilation = _CELLS[cell], dilation

    def forward(self, x_BTD: Tensor, state: tuple[Tensor, ...] | None = None) -> tuple[Tensor, tuple[Tensor, ...]]:
        rows, steps, width = x_BTD.shape
        if state is None:
            count = 2 if isinstance(self.kernel, nn.LSTM) else 1
            state = (x_BTD.new_zeros(rows, self.dilation, width),) * count
        if steps == 1:
            return self._step(x_BTD[:, 0], state)
        whole, parts = steps - steps % self.dilation, []
        for piece_BTD in (x_BTD[:, :whole], x_BTD[:, whole:]):
            if piece_BTD.shape[1]:
                out_BTD, state = self._advance(piece_BTD, state)
                parts.append(out_BTD)
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0], state

    def _step(self, x_BD: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """One step, by the cell alone: preparing a kernel takes several times as long as a step of one series."""
        used = tuple(part[:, 0] for part in state)
        new = self.cell(x_BD, used if len(used) == 2 else used[0], *self.kernel.all_weights[0])
        after = tuple(part[:, None] for part in (new if isinstance(new, tuple) else (new,)))
        if self.dilation == 1:
            return after[0], after
        return after[0], tuple(torch.cat([old[:, 1:], part], 1) for old, part in zip(state, after, strict=True))

    def _advance(self, x_BTD: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """A multiple of d steps, or fewer than d: as many parts side by side, each in one kernel call."""
        side = min(x_BTD.shape[1], self.dilation)
        used = tuple(part[:, :side].flatten(0, 1)[None].contiguous() for part in state)
        out, last = self.kernel(parted(x_BTD, side), used if len(used) == 2 else used[0])
        last = last if isinstance(last, tuple) else (last,)
        kept = tuple(
            torch.cat([old[:, side:], new[0].unflatten(0, (-1, side))], 1)
            if side < self.dilation
            else new[0].unflatten(0, (-1, side))
            for old, new in zip(state, last, strict=True)
        )
        return interleaved(out, side), kept
