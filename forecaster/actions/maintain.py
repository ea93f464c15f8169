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
    `maintain_schedule`. Events that went on when their pipeline was removed from the project file, or renamed, are closed.
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
        closed = app.ledger.events.close_but_of(app.settings.pipelines)
        run.facts = {"tables": rows, "closed": closed}
    dropped = sum(row["dropped"] for row in rows)
    lines = [f"{counted(dropped, 'row')} dropped, replaced before {since:%Y-%m-%dT%H:%MZ}"] if since else []
    lines += [
        f"pipeline '{name}' is not in the project file: {counted(count, 'event of it', 'events of it')} that went on "
        f"{'is' if count == 1 else 'are'} over"
        for name, count in closed.items()
    ]
    return Outcome(lines, pd.DataFrame(rows), facts={"tables": rows})
