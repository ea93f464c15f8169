"""The workers of a training: processes that share each step, every one with some rows of it.

They draw the same stretches, so what is learned does not depend on their number, but for rounding. Alone, a process is
the only worker, and everything here is the identity.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed
from torch.utils.data import IterableDataset

from forecaster.training.stretch import Stretch

__all__ = [
    "Shared",
    "count",
    "device",
    "gathered",
    "gpus",
    "joined",
    "local_count",
    "number",
    "of_first",
    "read_by_first",
    "total",
]

Value = TypeVar("Value")


@contextmanager
def joined() -> Iterator[None]:
    """Be one of the workers that torchrun has started, inside a `with` block.

    After an error the group is not left in order: that could wait for workers that wait for this one.
    """
    if torch.cuda.is_available():
        torch.cuda.set_device(device())
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    yield
    distributed.destroy_process_group()


def count() -> int:
    """How many workers share this training."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def local_count() -> int:
    """How many of these workers run on this machine."""
    return int(os.environ["LOCAL_WORLD_SIZE"]) if count() > 1 else 1


def number() -> int:
    """Which of them this process is; the first, 0, speaks and writes."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def device() -> torch.device:
    """The GPU of this worker, or the processor."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    return torch.device("cuda", distributed.get_node_local_rank(fallback_rank=0))


def gpus() -> range:
    """All GPUs that this process sees; PyTorch warns if it has to list them itself."""
    return range(torch.cuda.device_count())


def total(value: Tensor) -> Tensor:
    """The sum of a tensor over all workers."""
    if count() > 1:
        distributed.all_reduce(value)
    return value


def of_first(value: float) -> float:
    """The number that the first worker has: clocks differ, and decisions must not."""
    if count() == 1:
        return value
    told = torch.tensor(value, dtype=torch.float64, device=device())
    distributed.broadcast(told, src=0)
    return float(told)


def read_by_first(read: Callable[[], Value]) -> Value:
    """What the first worker reads: to the others, a shared folder may show an older state of its files."""
    if count() == 1:
        return read()
    told = [read() if number() == 0 else None]
    distributed.broadcast_object_list(told, src=0)
    return cast(Value, told[0])


def gathered(value: Any) -> list[Any]:
    """What each of the workers has, in their order."""
    every: list[Any] = [value] * count()
    if count() > 1:
        distributed.all_gather_object(every, value)
    return every


class Shared(IterableDataset[Stretch]):
    """This worker's rows of each stretch; a stretch of fewer rows than workers has rows without weight for some."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self.stretches = stretches

    def __iter__(self) -> Iterator[Stretch]:
        for stretch in self.stretches:
            yield stretch if count() == 1 else _own(stretch)


def _own(stretch: Stretch) -> Stretch:
    if len(stretch.series_B) > number():
        return stretch.rows(slice(number(), None, count()))
    idle = stretch.rows(slice(0, 1))
    return Stretch(idle.batch, torch.zeros_like(idle.weight_BTH), idle.series_B, idle.continues)
