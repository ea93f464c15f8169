"""Push sources: rows arrive at any time, and each delivery is acknowledged after it is stored."""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from forecaster.series.source import Connector, Done, Slice, Window

__all__ = ["Delivery", "Pushing"]


@dataclass(frozen=True)
class Delivery:
    """Rows that have arrived, and the function that acknowledges them."""

    rows: pa.Table
    """As `series.delivered.table` makes them."""
    acknowledge: Callable[[], None]
    """Called once the rows are committed; unacknowledged rows are sent again after a restart."""


class Pushing(Connector):
    """A connector to a source that sends by itself."""

    @abstractmethod
    def subscribe(self, patience_s: float) -> Iterator[Delivery]:
        """Deliveries as they arrive, several messages each; ends when nothing has come for `patience_s` seconds.

        The number of unacknowledged rows is bounded (back pressure). Closing the iterator ends the subscription,
        without losing what the source keeps for us.
        """

    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Slices of history that can be requested; none by default."""
        return []

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        """Only called for what `plan` gave."""
        raise AssertionError(f"nothing was planned, got {piece}")
