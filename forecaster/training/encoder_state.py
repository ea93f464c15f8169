"""The state an encoder hands on: tensors in nested lists and tuples, with the series as first dimension."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

__all__ = ["concatenated", "detached", "leaves", "put", "refilled", "taken"]


def taken(state: Any, part: Any) -> Any:
    """A copy of the state of some series."""
    if isinstance(state, Tensor):
        return state[part].clone()
    return None if state is None else type(state)(taken(one, part) for one in state)


def put(state: Any, part: Any, new: Any) -> None:
    """Replace the state of some series."""
    for old, one in zip(leaves(state), leaves(new), strict=True):
        old[part] = one


def concatenated(states: Sequence[Any]) -> Any:
    """The states of several groups of series as one."""
    first = states[0]
    if isinstance(first, Tensor):
        return torch.cat(list(states))
    return None if first is None else type(first)(map(concatenated, zip(*states, strict=True)))


def detached(state: Any, device: torch.device | None = None) -> Any:
    """The state without the graph that computed it, so that the next loss does not reach back beyond it."""
    if isinstance(state, Tensor):
        return state.detach().to(device)
    return None if state is None else type(state)(detached(one, device) for one in state)


def leaves(state: Any) -> Iterator[Tensor]:
    """The tensors of a state, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, (list, tuple)):
        for one in state:
            yield from leaves(one)


def refilled(like: Any, leaves: Iterator[Tensor]) -> Any:
    """A state with the structure of another one, filled with other tensors."""
    if isinstance(like, Tensor):
        return next(leaves)
    return None if like is None else type(like)(refilled(one, leaves) for one in like)
