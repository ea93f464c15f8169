"""Processor seconds that a part of the work took."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Stopwatch"]

Item = TypeVar("Item")


class Stopwatch:
    """Adds up processor seconds, of all threads, while it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs while the block lasts."""
        begun = time.process_time()
        try:
            yield
        finally:
            self.seconds += time.process_time() - begun

    def making(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items; it runs while one is made, not while it is used."""
        left = iter(items)
        while True:
            with self.running():
                item = next(left, None)
            if item is None:
                return
            yield item
