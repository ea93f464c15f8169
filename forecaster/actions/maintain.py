"""Put the lake in order: few files, sorted by series."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forecaster.actions.base import Outcome
from forecaster.counted import counted
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["maintain"]


def maintain(*, app: "App", watch: Watch = SILENT) -> Outcome:
    """Put the lake in order: few files, sorted by series.

    Makes reads of one series fast. Nothing is lost, and everything else may run meanwhile. With `keep_revisions` in the
    project file, rows that were replaced longer ago than that are dropped. `forecaster up` does this on the project's
    `maintain_schedule`.
    """
    import pandas as pd

    from forecaster.columns import TABLES
    from forecaster.store.upkeep import keep_up

    since, rows = app.kept_since(datetime.now(UTC)), []
    with app.ledger.lease("maintain") as renew, app.ledger.run("maintain", "") as run:
        for table in TABLES:
            watch.say(f"maintaining {table}")
            rows.append({"table": table, **asdict(keep_up(app.lake, table, since))})
            renew()
        run.facts = {"tables": rows}
    dropped = sum(row["dropped"] for row in rows)
    lines = [f"{counted(dropped, 'row')} dropped, replaced before {since:%Y-%m-%dT%H:%MZ}"] if since else []
    return Outcome(lines, pd.DataFrame(rows), facts={"tables": rows})
