"""The contract of an alert: it tells somebody about new events."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Alert"]


class Alert(ABC):
    """A way to notify people. It gets every new incident once, whatever happens to other alerts of the pipeline; what it
    could not send is tried again in the next run.

    A run that is killed while it sends may have sent already; then the next run sends again.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set in the project file under [alerts.NAME]; what is missing or wrong raises ValueError."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def check(self) -> None:  # noqa: B027  # most need nothing beside their settings
        """Check whether it could send, without sending. Raises: ForecasterError if something is missing"""

    @abstractmethod
    def send(self, pipeline: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Send some incidents, each as its most severe event, with the `events` and `series` that belong to it.

        Or report that a verb `failed` because a disk is full, with its `error`, or that the champion has become `worse`.

        Raises: SourceError if they could not be delivered
        """
