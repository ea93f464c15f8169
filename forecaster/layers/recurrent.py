"""A stack of recurrent layers with residual connections."""

from typing import Literal

from torch import Tensor, nn

__all__ = ["Cell", "RecurrentStack", "State"]

Cell = Literal["rnn", "lstm", "gru"]
State = list[Tensor | tuple[Tensor, Tensor]]

_KERNELS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class RecurrentStack(nn.Module):
    """Recurrent layers one on another, each adding to what it was given.

    Shapes:  [B, T, D] -> [B, T, D], with the state after the last step; the same state continues a series
    Source:  the kernels are torch's fused ones; dropout lies between layers only (Zaremba et al., 2014)
    """

    def __init__(self, cell: Cell, hidden: int, layers: int, dropout: float) -> None:
        super().__init__()
        kernel = _KERNELS[cell]
        self.layers = nn.ModuleList(kernel(hidden, hidden, batch_first=True) for _ in range(layers))
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
