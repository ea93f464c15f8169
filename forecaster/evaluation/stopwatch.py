"""CPU seconds that a part of the work took."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Stopwatch"]

Item = TypeVar("Item")


class Stopwatch:
    """Adds up the CPU seconds of all threads while it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs during a `with` block."""
        begun = time.process_time()
        try:
            yield
        finally:
            self.seconds += time.process_time() - begun

    def making(self, items: Iterable[Item]) -> Iterator[Item]:
        """Passes items on; it runs while an item is made, not while the caller uses it."""
        left = iter(items)
        while True:
            with self.running():
                item = next(left, None)
            if item is None:
                return
            yield item
