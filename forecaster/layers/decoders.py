"""From a state to a head's numbers for every horizon step.

Shapes: hidden [..., D], known-future features [..., H, F] -> [..., H, P]
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Direct", "Forking", "Recursive"]


class Direct(nn.Module):
    """All steps at once by one linear map, plus a term for the known future of each step.

    Initialised to the same given numbers at every step.
    """

    def __init__(self, hidden: int, horizon: int, initial: Sequence[float], ahead: int, width: int = 16) -> None:
        super().__init__()
        self.horizon = horizon
        self.out = nn.Linear(hidden, horizon * len(initial))
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor(initial).repeat(horizon))
        self.ahead = _Ahead(hidden, ahead, len(initial), width) if ahead else None

    def forward(self, hidden: Tensor, ahead: Tensor) -> Tensor:
        direct = self.out(hidden)
        params: Tensor = direct.reshape(*direct.shape[:-1], self.horizon, -1)
        return params if self.ahead is None else params + self.ahead(hidden, ahead)


class Forking(nn.Module):
    """A context for each step and one for all of them, then the same small network at every step.

    Source: Wen et al. (2017), arXiv 1711.11053, section 3.3: global and local decoder
    """

    def __init__(self, hidden: int, horizon: int, initial: Sequence[float], ahead: int, context: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.contexts = nn.Linear(hidden, (horizon + 1) * context)
        self.local = nn.Linear(2 * context + ahead, 2 * context)
        self.out = nn.Linear(2 * context, len(initial))
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor(initial))

    def forward(self, hidden: Tensor, ahead: Tensor) -> Tensor:
        contexts = nn.functional.gelu(self.contexts(hidden))
        contexts = contexts.reshape(*contexts.shape[:-1], self.horizon + 1, -1)
        whole = contexts[..., -1:, :].expand_as(contexts[..., :-1, :])
        each = torch.cat([contexts[..., :-1, :], whole, ahead], -1)
        params: Tensor = self.out(nn.functional.gelu(self.local(each)))
        return params


class Recursive(nn.Module):
    """A GRU cell that goes on from the state, one step of the horizon after the other; each reads what the last one gave.

    Initialised to the same given numbers at every step.
    """

    def __init__(self, hidden: int, horizon: int, initial: Sequence[float], ahead: int, width: int) -> None:
        super().__init__()
        self.horizon = horizon
        self.begin = nn.Linear(hidden, width)
        self.cell = nn.GRUCell(len(initial) + ahead, width)
        self.out = nn.Linear(width, len(initial))
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor(initial))

    def forward(self, hidden: Tensor, ahead: Tensor) -> Tensor:
        flat_nHF = ahead.flatten(0, -3)
        state_nD = torch.tanh(self.begin(hidden)).flatten(0, -2)
        said_nP = self.out.bias.detach().expand(len(state_nD), -1)
        every = []
        for step in range(self.horizon):
            state_nD = self.cell(torch.cat([said_nP, flat_nHF[:, step]], -1), state_nD)
            said_nP = self.out(state_nD)
            every.append(said_nP)
        return torch.stack(every, 1).reshape(*hidden.shape[:-1], self.horizon, -1)


class _Ahead(nn.Module):
    """The term that the known future of each horizon step adds."""

    def __init__(self, hidden: int, features: int, parameters: int, width: int) -> None:
        super().__init__()
        self.state = nn.Linear(hidden, width)
        self.future = nn.Linear(features, width, bias=False)
        self.out = nn.Linear(width, parameters, bias=False)
        nn.init.zeros_(self.out.weight)

    def forward(self, hidden: Tensor, ahead: Tensor) -> Tensor:
        mixed = nn.functional.gelu(self.state(hidden)[..., None, :] + self.future(ahead))
        out: Tensor = self.out(mixed)
        return out
