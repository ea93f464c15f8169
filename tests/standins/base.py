"""What a stand-in for a source can do, so that one conformance kit fits every connector.

A stand-in holds the truth (rows that the tests put there) and answers as the original does: it pages, refuses wrong
parameters with the original's words, meters weights. One file a source, named as its connector; `Standin` is in its
`__all__`.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

__all__ = ["Fault", "Standin"]


@dataclass(frozen=True)
class Fault:
    """One wrong answer, given instead of the right one."""

    status: int = 500
    headers: Mapping[str, str] | None = None
    body: str = "out of order"
    cut: bool = False
    """The right answer, but its end is missing."""
    wait_s: float = 0.0
    """The right answer, this much later."""


class Standin(ABC):
    """A source with a truth of its own; `with Standin(folder) as source:` starts and stops it."""

    step: ClassVar[str] = "h"
    """Distance of its rows, as pandas writes it."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Clauses of the kit that its original cannot meet, each with the reason."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: deque[Fault] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 - a folder has nothing to stop
        """Stop what was started."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Options of a pipeline that reads `names()` from 1970 on."""

    @abstractmethod
    def names(self) -> list[str]:
        """Two series, as the connector calls them."""

    @abstractmethod
    def put(self, rows: pd.DataFrame) -> None:
        """Rows `unique_id, ds, y` that are true from now on: new ones, or other values for times that were there."""

    def fault(self, *faults: Fault) -> None:
        """What the next requests get instead of an answer."""
        self.faults.extend(faults)
