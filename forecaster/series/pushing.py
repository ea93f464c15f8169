"""Sources that send by themselves: rows come when they come, and each delivery is acknowledged after it is stored."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from forecaster.series.source import Connector, Done, Slice, Window

__all__ = ["Delivery", "Pushing"]


@dataclass(frozen=True)
class Delivery:
    """Rows that came, and how to say that they are kept."""

    rows: pa.Table
    """As `series.delivered.table` makes them."""
    acknowledge: Callable[[], None]
    """Called once the rows are committed; what is never acknowledged comes again after a restart."""


class Pushing(Connector):
    """A connector that is listened to."""

    @abstractmethod
    def subscribe(self, patience_s: float) -> Iterator[Delivery]:
        """Deliveries as they come, several messages each; ends when nothing came for `patience_s` seconds.

        What is delivered and not acknowledged is bounded (back pressure), and closing the iterator ends the
        subscription without losing what the source keeps for us.
        """

    def plan(self, window: Window, done: Done) -> list[Slice]:
        """History that the source can be asked for; none by default."""
        return []

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        """Only called for what `plan` gave."""
        raise AssertionError(f"nothing was planned, got {piece}")
