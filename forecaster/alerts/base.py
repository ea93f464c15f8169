"""The contract of an alert: telling somebody of new events."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Alert"]


class Alert(ABC):
    """A way to tell people. It gets every new incident once; what fails is tried again with the next run.

    A run that is killed while it tells may have told: then the next one tells again.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set in the project file under [alerts.NAME]; what is missing or wrong raises ValueError."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def check(self) -> None:  # noqa: B027  # most need nothing beside their settings
        """Look whether it could tell, without telling. Raises: ForecasterError where something is missing"""

    @abstractmethod
    def send(self, pipeline: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Tell of some incidents, each by its most severe event, with the `events` and `series` that are part of it.

        Or tell that a verb `failed` because a disk is full, with its `error`.

        Raises: SourceError when they could not be delivered
        """
