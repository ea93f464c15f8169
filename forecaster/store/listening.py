"""Listening: what a source sends by itself, into the lake, and acknowledged only then.

A delivery is appended, written to the ledger, and then acknowledged: killed at any moment, the source sends again what was
not, and the lake knows what it has.
"""

import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime

from forecaster.series.contract import Contract
from forecaster.series.pushing import Pushing
from forecaster.series.source import Slice
from forecaster.store.intake import RowCounts, take_rows
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger

__all__ = ["PART", "listen"]

PART = "arrivals"
_FULL = 500
"""A delivery of so many rows is worth a file of its own."""


def listen(
    lake: Lake,
    ledger: Ledger,
    connector: Pushing,
    stream: str,
    *,
    patience_s: float,
    every_s: float = 0.0,
    contract: Contract | None = None,
    told: Callable[[RowCounts], None] = lambda taken: None,
) -> None:
    """Take in what comes, until nothing came for `patience_s`; tells what each delivery brought.

    After a small one it waits until `every_s` are over: what comes meanwhile comes together, and the lake keeps fewer files.

    Raises: SourceError of the connector; what was committed stays, the rest is not acknowledged and comes again
    """
    with closing(connector.subscribe(patience_s)) as deliveries:  # type: ignore[type-var]  # a generator everywhere
        for delivery in deliveries:
            begun = time.monotonic()
            hour = Slice(PART, datetime.now(UTC).strftime("%Y-%m-%dT%H"))
            taken = take_rows(lake, ledger, connector, stream, hour, delivery.rows, contract)
            delivery.acknowledge()
            told(taken)
            if len(delivery.rows) < _FULL:
                time.sleep(max(0.0, min(patience_s, every_s) - (time.monotonic() - begun)))
