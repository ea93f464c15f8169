"""Listening: what a source sends by itself, into the lake, and acknowledged only then.

A delivery is appended, written to the ledger, and then acknowledged: killed at any moment, the source sends again what was
not, and the lake knows what it has.
"""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from forecaster.series.pushing import Pushing
from forecaster.series.source import Slice
from forecaster.store.intake import Intake, RowCounts

__all__ = ["PART", "listen"]

PART = "arrivals"
_FULL = 500
"""A delivery of so many rows is worth a file of its own."""


def listen(
    intake: Intake,
    *,
    patience_s: float,
    every_s: float = 0.0,
    told: Callable[[RowCounts], None] = lambda taken: None,
) -> None:
    """Take in what comes, until nothing came for `patience_s`; tells what each delivery brought.

    After a small one it waits until `every_s` are over: what comes meanwhile comes together, and the lake keeps fewer files.

    Raises: SourceError of the connector; what was committed stays, the rest is not acknowledged and comes again
    """
    assert isinstance(intake.connector, Pushing)
    with closing(intake.connector.subscribe(patience_s)) as deliveries:  # type: ignore[type-var]  # a generator everywhere
        for delivery in deliveries:
            begun = time.monotonic()
            hour = Slice(PART, datetime.now(UTC).strftime("%Y-%m-%dT%H"))
            taken = intake.take_rows(hour, delivery.rows)
            delivery.acknowledge()
            told(taken)
            if len(delivery.rows) < _FULL:
                time.sleep(max(0.0, min(patience_s, every_s) - (time.monotonic() - begun)))
