"""Telling whoever watches how a job is going; the doors decide how it looks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SILENT", "Moment", "RecordingWatch", "Watch"]


@dataclass(frozen=True)
class Moment:
    """Where a training stands."""

    step: int
    steps: int
    loss: float
    grad_norm: float
    """Before clipping."""
    lr: float
    seconds: float
    val_loss: float | None = None
    """On held-out rows, at the steps where it is measured."""


class Watch(Protocol):
    """Whoever shows what a job is doing."""

    def say(self, line: str) -> None:
        """A line worth reading."""

    def moment(self, moment: Moment) -> None:
        """Where a training stands."""

    def table(self, table: "pd.DataFrame") -> None:
        """A table worth reading while the job goes on."""


class _Silent:
    def say(self, line: str) -> None:
        """Nothing."""

    def moment(self, moment: Moment) -> None:
        """Nothing."""

    def table(self, table: "pd.DataFrame") -> None:
        """Nothing."""


SILENT: Watch = _Silent()
"""Nobody watches."""


class RecordingWatch:
    """A `Watch` that keeps the lines, for somebody else to say."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        """Kept."""
        self.lines.append(line)

    def moment(self, moment: Moment) -> None:
        """Nothing."""

    def table(self, table: "pd.DataFrame") -> None:
        """Nothing."""
