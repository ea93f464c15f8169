"""How many processor threads a piece of work takes."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["limited"]


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """At most so many threads within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(before, threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)
