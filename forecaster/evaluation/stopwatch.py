"""CPU seconds that a part of the work took."""

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["Stopwatch"]

Item = TypeVar("Item")


class Stopwatch:
    """Adds up the CPU seconds of all threads, and of processes of this machine that end, while it runs."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs during a `with` block."""
        begun = _spent()
        try:
            yield
        finally:
            self.seconds += _spent() - begun

    def making(self, items: Iterable[Item]) -> Iterator[Item]:
        """Passes items on; it runs while an item is made, not while the caller uses it."""
        left = iter(items)
        while True:
            with self.running():
                item = next(left, None)
            if item is None:
                return
            yield item


def _spent() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system
