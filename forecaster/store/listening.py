"""Listening: stores what a push source sends, and acknowledges it only then.

A delivery is appended to the lake, recorded in the ledger, and then acknowledged. After a kill at any moment the source
sends unacknowledged rows again, and the lake recognises those it has.
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
"""A delivery of this many rows is worth a file of its own."""


def listen(
    intake: Intake,
    *,
    patience_s: float,
    every_s: float = 0.0,
    told: Callable[[RowCounts], None] = lambda taken: None,
) -> None:
    """Take in deliveries until nothing has come for `patience_s`; yields the counts of each.

    After a small delivery it waits until `every_s` have passed, so that rows collect and the lake has fewer files.

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
