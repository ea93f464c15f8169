"""Put the lake in order: few files, sorted by series."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["maintain"]


def maintain(*, app: "App", watch: Watch = SILENT) -> Outcome:
    """Put the lake in order: few files, sorted by series.

    Reads of one series become fast; nothing is lost, and all else may go on meanwhile. `forecaster up` does it on the
    project's `maintain_schedule`.
    """
    import pandas as pd

    from forecaster.columns import TABLES
    from forecaster.store.upkeep import keep_up

    rows = []
    with app.ledger.lease("maintain") as renew, app.ledger.run("maintain", "") as run:
        for table in TABLES:
            watch.say(f"maintaining {table}")
            rows.append({"table": table, **asdict(keep_up(app.lake, table))})
            renew()
        run.facts = {"tables": rows}
    return Outcome(table=pd.DataFrame(rows), facts={"tables": rows})
