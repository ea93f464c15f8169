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
from forecaster.store.intake import Taken, take_rows
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger

__all__ = ["listen"]

PART = "arrivals"
_EVERY_S, _FULL = 1.0, 500
"""Deliveries of fewer rows are taken once a second: what comes meanwhile comes together, and the lake keeps fewer files."""


def listen(
    lake: Lake,
    ledger: Ledger,
    connector: Pushing,
    stream: str,
    *,
    patience_s: float,
    told: Callable[[Taken], None] = lambda taken: None,
) -> None:
    """Take in what comes, until nothing came for `patience_s`; tells what each delivery brought.

    Raises: SourceError of the connector; what was committed stays, the rest is not acknowledged and comes again
    """
    with closing(connector.subscribe(patience_s)) as deliveries:  # type: ignore[type-var]  # a generator everywhere
        for delivery in deliveries:
            begun = time.monotonic()
            hour = Slice(PART, datetime.now(UTC).strftime("%Y-%m-%dT%H"))
            taken = take_rows(lake, ledger, connector, stream, hour, delivery.rows)
            delivery.acknowledge()
            told(taken)
            if len(delivery.rows) < _FULL:
                time.sleep(max(0.0, min(patience_s, _EVERY_S) - (time.monotonic() - begun)))
