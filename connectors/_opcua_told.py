"""Changes that a subscription of OPC UA tells, from the library's thread to the one that stores them."""

import queue
from typing import Any

from forecaster.errors import SourceError

__all__ = ["Told"]


class Told:
    """Changes that arrive in asyncua's thread."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._come: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._failed = ""

    def datachange_notification(self, node: Any, value: object, data: Any) -> None:
        """The name is asyncua's."""
        if self._failed:
            return
        if self._come.qsize() >= self.most:
            self._failed = f"{self.most} changes wait to be stored; raise 'publishing' or 'sampling'"
        else:
            self._come.put((str(node.nodeid), data.monitored_item.Value))

    def status_change_notification(self, status: Any) -> None:
        """The name is asyncua's."""
        self._failed = f"the subscription ended: {status.Status}"

    def take(self, patience_s: float) -> list[tuple[str, Any]]:
        """Changes that have arrived, the oldest first; empty if none came within `patience_s` seconds.

        Raises: SourceError if the subscription has ended and all earlier changes have been taken
        """
        try:
            found = [self._come.get(timeout=0 if self._failed else patience_s)]
        except queue.Empty:
            found = []
        while not self._come.empty():
            found.append(self._come.get_nowait())
        if self._failed and not found:
            raise SourceError(f"opcua: {self._failed}")
        return found
