"""What a stand-in for a source can do, so that one conformance kit fits every connector.

A stand-in holds the truth (rows that the tests put there) and answers as the original does: it pages, refuses wrong
parameters with the original's words, meters weights. One file a source, named as its connector; `Standin` is in its
`__all__`. The kit is `tests/contracts/test_conformance.py`; a clause is the name of one of its tests without `test_`.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

__all__ = ["SECRET", "Fault", "Standin"]

SECRET = "STANDIN_SECRET"
"""Name of a secret that the kit sets; a stand-in whose original wants a key names it in its settings, and refuses others."""


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
    page: ClassVar[int] = 10
    """Rows of an answer at most, where the original pages (it may have a cap of thousands: stand in with a small one)."""
    cap: ClassVar[int] = 10_000
    """Rows of an answer that the original gives at most: `page` where the kit has a million of them."""
    missing: ClassVar[Sequence[Any]] = (float("nan"), float("inf"))
    """What the source may say instead of a number: the kit puts rows with each, and none may become an observation."""
    weight_limit: ClassVar[tuple[float, float] | None] = None
    """Weight in so many seconds that the original allows; None where it counts nothing."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Clauses of the kit that its original cannot meet, each with the reason; `*` stands for all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: deque[Fault] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:  # noqa: B027 - a folder has nothing to stop
        """Stop what was started."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Options of a pipeline that reads `names()` from 1970 on. Where a connector is asked for spans of time, the kit
        sets `start` itself."""

    @abstractmethod
    def names(self) -> list[str]:
        """Two series, as the connector calls them."""

    @abstractmethod
    def put(self, rows: pd.DataFrame) -> None:
        """Rows `unique_id, ds, y` that are true from now on: new ones, or other values for times that were there.

        `ds` is what the connector is expected to deliver; `y` may be one of `missing`.
        """

    @abstractmethod
    def clear(self) -> None:
        """Forget all rows and faults: a new test begins."""

    def times(self, since: str, count: int) -> pd.DatetimeIndex:
        """Times that rows of this source may have, from a time in UTC on."""
        return pd.date_range(since, periods=count, freq=self.step, tz="UTC", unit="us")

    def fault(self, *faults: Fault) -> None:
        """What the next requests get instead of an answer."""
        self.faults.extend(faults)

    def heal(self) -> None:
        """No more faults."""
        self.faults.clear()

    def untidy(self) -> None:
        """From now on rows come in the wrong order, and the first one comes twice."""
        raise NotImplementedError("or give a reason in `lacks`")

    def unknown(self, name: str) -> dict[str, Any]:
        """Options that ask for a series which the source does not have."""
        raise NotImplementedError("or give a reason in `lacks`")
