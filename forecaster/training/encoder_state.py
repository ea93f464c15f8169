"""The state that an encoder hands on, whatever it is made of: tensors in lists and tuples, series first."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from forecaster.errors import ArtifactError

__all__ = ["joined", "leaves", "mapped", "rebuilt", "shape_of"]


def mapped(state: Any, part: Any) -> Any:
    """A model's state, for some series."""
    if isinstance(state, Tensor):
        return state[part].clone()
    return state if state is None or isinstance(state, int) else type(state)(mapped(one, part) for one in state)


def joined(states: Sequence[Any]) -> Any:
    """The states of several groups of series as one.

    Raises: ArtifactError where a number stands for all series and theirs differ
    """
    first = states[0]
    if isinstance(first, Tensor):
        return torch.cat(list(states))
    if isinstance(first, int) and any(state != first for state in states):
        raise ArtifactError("series shorter than the model's context differ in length: begin when they are longer.")
    if first is None or isinstance(first, int):
        return first
    return type(first)(map(joined, zip(*states, strict=True)))


def leaves(state: Any) -> Iterator[Tensor]:
    """The tensors of a state, in order."""
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, (list, tuple)):
        for one in state:
            yield from leaves(one)


def shape_of(state: Any) -> Any:
    """How the tensors of a state stand in it, as plain data."""
    if isinstance(state, int):
        return state
    if state is None or isinstance(state, Tensor):
        return "none" if state is None else "tensor"
    return {"kind": type(state).__name__, "of": [shape_of(one) for one in state]}


def rebuilt(shape: Any, leaves: Iterator[Tensor]) -> Any:
    """A state from its shape and tensors."""
    if isinstance(shape, int):
        return shape
    if isinstance(shape, str):
        return None if shape == "none" else next(leaves)
    return {"list": list, "tuple": tuple}[shape["kind"]](rebuilt(one, leaves) for one in shape["of"])
